//! Pages of rhttp's own in a browser: they may use their origin, and names in them are text.

use super::{serve, url};
#[cfg(target_os = "linux")]
use crate::support::eventually;
use crate::support::webdriver::Browser;
use crate::support::{Tree, not_run};
use serde_json::json;
#[cfg(target_os = "linux")]
use std::{fs, panic, path::Path};

/// Uses everything that a page may use of its origin, and reports what worked.
const USES: &str = "
    const loaded = element => new Promise(resolve => {
        element.onload = () => resolve(true);
        element.onerror = () => resolve(false);
        document.body.append(element);
    });
    const make = (name, more) => Object.assign(document.createElement(name), more);
    const worked = new Promise(resolve => {
        const worker = new Worker('/worker.js');
        worker.onmessage = event => resolve(event.data);
        worker.onerror = () => resolve('no worker');
    });
    return [
        await (await fetch('/data.txt')).text(),
        await loaded(make('script', {src: '/module.js', type: 'module'})) && window.fromModule,
        await loaded(make('link', {href: '/style.css', rel: 'stylesheet'}))
            && getComputedStyle(document.body).color,
        await loaded(make('img', {src: '/image.svg'})),
        await loaded(make('iframe', {src: '/sub/'})),
        await worked,
    ];
";

/// Scripts that stand in the page itself, and one of another origin.
const ATTACKS: &str = "
    document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.attacked = 1\">');
    const inline = document.createElement('script');
    inline.textContent = 'window.attacked = 2';
    document.body.append(inline);
    const foreign = document.createElement('script');
    foreign.src = 'data:text/javascript,window.attacked = 6';
    document.body.append(foreign);
    await new Promise(resolve => setTimeout(resolve, 200));
    return window.attacked || null;
";

#[test]
fn a_page_of_rhttp_s_own_may_use_its_origin_and_runs_no_script_of_a_name() {
    let tree = Tree::new();
    tree.file("data.txt", "data")
        .file("module.js", "window.fromModule = 'module';")
        .file("worker.js", "postMessage('worker');")
        .file("style.css", "body { color: rgb(1, 2, 3) }")
        .file(
            "image.svg",
            "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
        )
        .file("sub/<img src=x onerror=window.attacked=3>", "")
        .file("sub/<script>window.attacked=4<%2Fscript>", "");
    let server = serve(&tree, "-p HTTP/1.1");
    let Some(browser) = Browser::start() else {
        return not_run("pages in a browser, for there is no Chromium with chromedriver");
    };
    let pages = ["/sub/", "/missing/<script>window.attacked=5</script>"];
    for page in pages {
        browser.open(&url(&server, page));
        let used = browser.run(USES);
        let expected = json!(["data", "module", "rgb(1, 2, 3)", true, true, "worker"]);
        assert_eq!(used, expected, "{page}");
        let console = browser.console();
        let violations = console
            .iter()
            .filter(|line| line.contains("Content Security Policy"));
        assert_eq!(violations.count(), 0, "{page}: {console:?}");
        assert_eq!(browser.run(ATTACKS), json!(null), "{page}");
        let blocked = browser.console();
        let is_told = |line: &&String| line.contains("Content Security Policy");
        assert_eq!(blocked.iter().filter(is_told).count(), 3, "{blocked:?}");
    }
}

/// Whether a process was started with `profile` in its command line.
#[cfg(target_os = "linux")]
fn is_used(profile: &Path) -> bool {
    let profile = profile.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").expect("Linux tells it");
    processes
        .flatten()
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|line| memchr::memmem::find(&line, profile).is_some())
}

#[cfg(target_os = "linux")]
#[test]
fn a_test_that_fails_leaves_no_browser_behind() {
    let Some(browser) = Browser::start() else {
        return not_run("the end of a browser, for there is no Chromium with chromedriver");
    };
    let profile = browser.profile().to_owned();
    assert!(is_used(&profile));
    let failed = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let _browser = browser;
        panic::resume_unwind(Box::new("a failing test"));
    }));
    assert!(failed.is_err());
    eventually("the end of the browser", || !is_used(&profile));
}
