{
const [box, told, table] = ['input', 'output', 'table'].map(name => document.querySelector(name));
const all = [...document.querySelectorAll('tbody tr')];
const link = row => row.cells[0].firstChild;
const plain = text => text.normalize().toLowerCase();
let found, names, parts, shown = all;

const prepare = () => names ||= all.map(row => plain(link(row).textContent));
const settle = () => {
  const to = shown === all ? '' : 'o', late = parts.filter(part => part.className !== to);
  for (const part of late.slice(0, 32)) part.className = to;
  if (late[32]) requestAnimationFrame(settle);
};
const filter = () => {
  const wanted = plain(box.value);
  prepare();
  const rows = wanted ? all.filter((_, at) => names[at].includes(wanted)) : [];
  const few = rows.slice(0, 100).map(row => row.cloneNode(true));
  found.tBodies[0].replaceChildren(...few);
  found.hidden = !wanted;
  table.parentNode.className = wanted && 'c';
  shown = wanted ? few : all;
  settle();
  told.value = wanted && rows.length.toLocaleString('en') + (rows.length > 100 ? ` found, 100 shown` : ' found');
};
if (told) {
  parts = [...table.children];
  found = table.cloneNode();
  found.append(...parts.slice(0, 3).map((part, at) => part.cloneNode(at < 2)));
  found.hidden = true;
  told.after(found);
  box.hidden = false;
  if (matchMedia('(hover:hover)').matches) box.placeholder += ' (press /)';
  box.addEventListener('input', filter);
  setTimeout(prepare, 500);
}
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inBox = event.target === box, row = event.target.closest('tbody tr');
  const to = {
    ArrowDown: shown[shown.indexOf(row) + 1],
    ArrowUp: row && (shown[shown.indexOf(row) - 1] || box),
    '/': !inBox && box,
  }[event.key];
  if (to) (to === box ? box : link(to)).focus();
  else if (event.key === 'Enter' && inBox && shown[0]) link(shown[0]).click();
  else if (event.key === 'Backspace' && !inBox) document.querySelector('[rel=up]')?.click();
  else if (event.key === 'Escape' && inBox) {
    box.value = '';
    filter();
    box.blur();
  } else return;
  event.preventDefault();
});
}
