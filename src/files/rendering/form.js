(() => {
'use strict';
// What other servers on the way may answer, whose pages have another form.
const WHY = {
  401: 'A password is needed',
  403: 'Files may not be sent here',
  409: 'The folder is gone, or the name is taken',
  413: 'This is more than may be sent here',
  503: 'The server is busy; try again',
  507: 'The disk is full',
};
const form = document.querySelector('form'), [input] = form.elements, button = form.querySelector('button');
const list = form.querySelector('ul'), told = form.querySelector('[role=status]');
let items = [], sending = false, current;

const make = (name, more) => Object.assign(document.createElement(name), more);
const files = count => count === 1 ? '1 file' : `${count.toLocaleString('en')} files`;
const size = bytes => {
  let unit = 0;
  for (; bytes >= 1024 && unit < 5; unit++) bytes /= 1024;
  return `${unit ? bytes.toFixed(1) : bytes} ${['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit]}`;
};

// Makes these the files of the form.
const hold = files => {
  const all = new DataTransfer();
  for (const file of files) all.items.add(file);
  input.files = all.files;
};
const show = () => {
  items = [...input.files].map(file => {
    const row = make('li'), note = make('span', {textContent: size(file.size)});
    row.append(make('bdi', {textContent: file.name}), note);
    return {file, row, note};
  });
  list.replaceChildren(...items.map(item => item.row));
  list.hidden = !items.length;
  button.textContent = items.length ? `Send ${files(items.length)}` : 'Send';
  told.textContent = '';
};

const reason = request => {
  const {status, response} = request;
  if (!status) return 'The connection was lost, or the server wants no more';
  const [, message] = response?.querySelectorAll('p') ?? [];
  const own = message?.textContent.match(/^Message: (.*?)\.?$/s)?.[1];
  return `${own ?? WHY[status] ?? 'The server refused it'} (${status})`;
};

// Sends one file, and tells whether it is there.
const send = ({file, row, note}) => new Promise(done => {
  const bar = make('progress', {value: 0, ariaLabel: file.name});
  row.querySelector('em')?.remove();
  row.append(bar);
  const request = new XMLHttpRequest(), body = new FormData();
  body.append(input.name, file);
  request.upload.onprogress = ({loaded, total}) => {
    bar.value = loaded / total;
    note.textContent = `${Math.floor(100 * bar.value)} % of ${size(file.size)}`;
  };
  request.onloadend = () => {
    bar.remove();
    const sent = request.status >= 200 && request.status < 300;
    note.textContent = sent ? 'Sent' : size(file.size);
    if (!sent) row.append(make('em', {textContent: reason(request)}));
    done(sent);
  };
  request.open('POST', form.action);
  request.responseType = 'document';
  // With it the answer is no redirect.
  request.setRequestHeader('Accept', 'application/json');
  request.send(body);
  current = request;
});

form.addEventListener('submit', async event => {
  event.preventDefault();
  if (sending) return;
  sending = button.disabled = input.disabled = true;
  const left = [];
  for (const [at, item] of items.entries()) {
    told.textContent = `Sending ${at + 1} of ${items.length}`;
    if (!sending || !await send(item)) left.push(item);
  }
  if (!left.length) return location.replace('./');
  sending = button.disabled = input.disabled = false;
  told.textContent = `${files(items.length - left.length)} sent, ${left.length} refused`;
  items = left;
  hold(left.map(item => item.file));
  button.textContent = 'Try again';
  button.focus();
});
input.addEventListener('change', show);
// A browser may keep a page that was left, and go on sending.
addEventListener('pagehide', () => {
  sending = false;
  current?.abort();
});

// Files alone: what else is dragged goes where it would.
const brings = event => event.dataTransfer?.types.includes('Files');
const over = is => document.body.classList.toggle('over', is && !sending);
addEventListener('dragover', event => {
  if (!brings(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = sending ? 'none' : 'copy';
  over(true);
});
addEventListener('dragleave', event => event.relatedTarget || over(false));
addEventListener('drop', event => {
  if (!brings(event)) return;
  event.preventDefault();
  over(false);
  if (sending) return;
  const dropped = [...event.dataTransfer.items].filter(item => !item.webkitGetAsEntry()?.isDirectory);
  const found = dropped.map(item => item.getAsFile()).filter(Boolean);
  hold([...input.files, ...found]);
  show();
  if (found.length < event.dataTransfer.items.length) told.textContent = 'Folders cannot be sent';
});
form.querySelector('label span').hidden = !matchMedia('(hover:hover)').matches;
// What a reload has kept.
show();
})();
