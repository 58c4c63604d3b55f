//! The page for people in a browser: sorting, the filter, the keyboard, phones, the dark, and
//! whoever listens to it.

use super::{serve, url};
use crate::support::webdriver::{Browser, axe, key};
use crate::support::{Running, Tree, not_run};
use serde_json::{Value, json};
use std::fs;

/// The names that are shown, in their order.
const NAMES: &str = "return [...document.querySelectorAll('tbody tr')]
    .filter(row => row.checkVisibility()).map(row => row.cells[0].textContent);";

/// Waits until these names are to be seen: the filter hides the rows of the large table in parts, a
/// moment after it has shown what it found.
fn wait_for_names(browser: &Browser, names: &[&str]) {
    let expected = Value::from(json!(names).to_string());
    browser.wait_for(&format!(
        "JSON.stringify((() => {{ {NAMES} }})()) === {expected}"
    ));
}

/// The text of what has the focus.
const FOCUS: &str = "return document.activeElement.textContent || document.activeElement.type;";

/// Names that are hard on a layout, or would do harm.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("dir/file2", "12345")
        .file("dir/file10", "1")
        .file("dir/b.txt", vec![b'x'; 2048])
        .file("dir/sub/inner", "")
        .directory("dir/sub/empty")
        .file(&format!("hard/{}", "x".repeat(255)), "")
        .file("hard/photo\u{202e}gnp.exe", "")
        .file("hard/\u{5e9}\u{5dc}\u{5d5}\u{5dd}.pdf", "")
        .file("hard/<img src=x onerror=window.attacked=1>", "")
        .file("hard/\"><script>window.attacked=2<%2Fscript>", "")
        .link("hard/gone", "nowhere")
        .directory("hard/sub");
    tree
}

fn start() -> Option<(Tree, Running, Browser)> {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1");
    if let Some(browser) = Browser::start() {
        return Some((tree, server, browser));
    }
    not_run("the page for people, for there is no Chromium with chromedriver");
    None
}

/// What the page has told the console; nothing, if all is well.
fn assert_silent(browser: &Browser) {
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn a_listing_is_sorted_by_its_links_and_so_are_its_directories() {
    let Some((_tree, server, browser)) = start() else {
        return;
    };
    browser.open(&url(&server, "/dir/"));
    assert_eq!(
        browser.run(NAMES),
        json!(["sub", "b.txt", "file2", "file10"])
    );
    let click = |selector: &str| browser.click(selector);
    let here = "document.readyState === 'complete' && location.pathname + location.search";
    let wait_for = |place: &str| browser.wait_for(&format!("{here} === '{place}'"));
    click("main > div thead th:nth-child(3) a");
    wait_for("/dir/?sort=size&order=desc");
    assert_eq!(
        browser.run(NAMES),
        json!(["sub", "b.txt", "file2", "file10"])
    );
    let sorted = "return document.querySelector('main > div thead th:nth-child(3)').ariaSort;";
    assert_eq!(browser.run(sorted), "descending");
    click("main > div thead th:nth-child(3) a");
    wait_for("/dir/?sort=size&order=asc");
    assert_eq!(
        browser.run(NAMES),
        json!(["sub", "file10", "file2", "b.txt"])
    );
    assert_eq!(browser.run(sorted), "ascending");
    click("main > div tbody tr a");
    wait_for("/dir/sub/?sort=size&order=asc");
    click("[rel=up]");
    wait_for("/dir/?sort=size&order=asc");
    assert_eq!(
        browser.run(NAMES),
        json!(["sub", "file10", "file2", "b.txt"])
    );
    assert_silent(&browser);
}

#[test]
fn a_keyboard_alone_will_do() {
    let Some((_tree, server, browser)) = start() else {
        return;
    };
    browser.open(&url(&server, "/dir/"));
    browser.press("/FILE");
    wait_for_names(&browser, &["file2", "file10"]);
    let told = "return document.querySelector('output').value;";
    assert_eq!(browser.run(told), "2 found");
    browser.press(key::DOWN);
    assert_eq!(browser.run(FOCUS), "file2");
    browser.press(key::DOWN);
    browser.press(key::DOWN);
    assert_eq!(browser.run(FOCUS), "file10");
    browser.press(key::UP);
    browser.press(key::UP);
    assert_eq!(browser.run(FOCUS), "search");
    browser.press(&key::BACKSPACE.repeat(4));
    assert_eq!(browser.run(told), "");
    browser.press("10");
    wait_for_names(&browser, &["file10"]);
    browser.press(key::ESCAPE);
    wait_for_names(&browser, &["sub", "b.txt", "file2", "file10"]);
    browser.press(key::DOWN);
    assert_eq!(browser.run(FOCUS), "sub");
    browser.press(key::ENTER);
    browser.wait_for("location.pathname === '/dir/sub/'");
    browser.press(key::BACKSPACE);
    browser.wait_for("location.pathname === '/dir/'");
    assert_silent(&browser);
    browser.press("/b.t");
    browser.press(key::ENTER);
    browser.wait_for("location.pathname === '/dir/b.txt'");
    // Where there is nothing to filter, the browser has the key: Firefox searches the page.
    browser.open(&url(&server, "/dir/sub/empty/"));
    let listen =
        "addEventListener('keydown', event => { document.title = event.defaultPrevented; });";
    browser.run(listen);
    browser.press("/");
    browser.wait_for("document.title === 'false'");
    browser.press(key::BACKSPACE);
    browser.wait_for("location.pathname === '/dir/sub/'");
}

#[test]
fn hard_names_do_no_harm_and_fit_on_a_phone() {
    let Some((_tree, server, browser)) = start() else {
        return;
    };
    for (width, height) in [(360, 740), (700, 900), (1600, 900)] {
        browser.resize(width, height);
        browser.open(&url(&server, "/hard/"));
        let fits = "return document.documentElement.scrollWidth <= innerWidth;";
        assert_eq!(browser.run(fits), true, "{width}");
    }
    // The extension is the last that is seen of a name, whatever stands in it.
    let ends = browser.run(
        "const ends = [];
         for (const row of document.querySelectorAll('tbody tr')) {
             const [stem, extension] = row.querySelectorAll('bdi');
             if (extension) ends.push([extension.textContent,
                 extension.getBoundingClientRect().left >= stem.getBoundingClientRect().right - 1]);
         }
         return ends.sort();",
    );
    assert_eq!(ends, json!([[".exe", true], [".pdf", true]]));
    assert_eq!(browser.run("return window.attacked || null;"), Value::Null);
    assert_silent(&browser);
    let requests = browser.run("return performance.getEntriesByType('resource').length;");
    assert_eq!(requests, 0, "the page asks for nothing but itself");
}

#[test]
fn the_page_follows_the_system_into_the_dark() {
    let Some((_tree, server, browser)) = start() else {
        return;
    };
    let brightness =
        "const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g);
         return (+r + +g + +b) / 3;";
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.open(&url(&server, "/dir/"));
        found.push(browser.run(brightness).as_f64().expect("a number"));
    }
    assert!(found[0] > 200.0 && found[1] < 60.0, "{found:?}");
}

#[test]
fn axe_finds_nothing_that_is_in_anybody_s_way() {
    let Some(axe) = axe() else {
        return;
    };
    let Some((_tree, server, browser)) = start() else {
        return;
    };
    for (width, scheme) in [
        (360, "light"),
        (360, "dark"),
        (1280, "light"),
        (1280, "dark"),
    ] {
        browser.resize(width, 800);
        browser.prefer(scheme);
        for target in [
            "/",
            "/dir/?sort=time&order=desc",
            "/hard/",
            "/dir/sub/empty/",
        ] {
            browser.open(&url(&server, target));
            let violations = browser.run(&axe);
            assert_eq!(violations, json!([]), "{target} {width} {scheme}");
        }
    }
}

/// A server that is not optimized takes its time.
const VERY_MANY: u32 = if cfg!(debug_assertions) {
    20_000
} else {
    100_000
};

/// The same with a directory of very many names, opened.
fn start_among_very_many() -> Option<(Tree, Running, Browser)> {
    let (tree, server, browser) = start()?;
    tree.directory("many");
    for number in 0..VERY_MANY {
        fs::File::create(tree.path().join(format!("many/file{number}"))).expect("a file");
    }
    browser.open(&url(&server, "/many/"));
    Some((tree, server, browser))
}

#[test]
fn the_filter_is_quick_among_very_many_names() {
    let Some((_tree, _server, browser)) = start_among_very_many() else {
        return;
    };
    // Until the frame with the answer is made: style, layout and painting are part of it.
    let milliseconds = browser.run(
        "const box = document.querySelector('input');
         const type = text => new Promise(done => {
             const start = performance.now();
             box.value = text;
             box.dispatchEvent(new Event('input'));
             requestAnimationFrame(() => {
                 const { port1, port2 } = new MessageChannel();
                 port1.onmessage = () => done(performance.now() - start);
                 port2.postMessage(0);
             });
         });
         await type('x');
         const times = [];
         for (const text of ['9', '99', '999', '99', '', '12345', '']) times.push(await type(text));
         return times.sort((a, b) => a - b)[3];",
    );
    let milliseconds = milliseconds.as_f64().expect("a number");
    println!("{milliseconds} ms");
    // Ten times what it is to take: other tests run beside this one.
    assert!(milliseconds < 1000.0, "{milliseconds} ms");
}

#[test]
fn names_that_the_filter_leaves_out_are_gone_and_come_back() {
    /// Whether each row of the whole list can be seen and reached.
    const ALL_ARE_THERE: &str = "[...document.querySelectorAll('main > div tr')]
        .every(row => row.checkVisibility({visibilityProperty: true}))";
    const ALL_ARE_GONE: &str = "[...document.querySelectorAll('main > div tr')]
        .every(row => !row.checkVisibility({visibilityProperty: true}))";
    let Some((_tree, _server, browser)) = start_among_very_many() else {
        return;
    };
    assert_eq!(browser.run(&format!("return {ALL_ARE_THERE};")), true);
    let height = "return document.querySelector('main > div').offsetHeight;";
    let whole = browser.run(height);
    browser.press("/1");
    let told = browser.run("return document.querySelector('output').value;");
    let told = told.as_str().expect("it is told");
    assert!(told.ends_with(" found, 100 shown"), "{told}");
    assert_eq!(browser.run(height), 0);
    browser.wait_for(ALL_ARE_GONE);
    let shown = "return document.querySelectorAll('main > table tbody tr').length;";
    assert_eq!(browser.run(shown), 100);
    // From the box through the heads of the columns to what has been found, and not beyond it.
    browser.press(&key::TAB.repeat(5));
    assert_eq!(browser.run(FOCUS), "file1");
    browser.press(&key::TAB.repeat(100));
    let beyond = browser.run("return !!document.activeElement.closest('main > div');");
    assert_eq!(beyond, false);
    // While the rows are still on their way out, they are called back.
    browser.run("document.querySelector('input').focus();");
    browser.press(key::ESCAPE);
    browser.press("/12345");
    browser.press(key::ESCAPE);
    browser.wait_for(ALL_ARE_THERE);
    assert_eq!(browser.run(shown), 0);
    assert_eq!(browser.run(height), whole);
    assert_silent(&browser);
}
