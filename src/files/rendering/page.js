(() => {
'use strict';
const MOST = 200;
const box = document.querySelector('input'), told = document.querySelector('output'), table = document.querySelector('table');
const all = [...document.querySelectorAll('tbody tr')];
const link = row => row.cells[0].firstChild;
const plain = text => text.normalize().toLowerCase();
const found = document.createElement('tbody');
let shown = all, names;

const prepare = () => names ||= all.map(row => plain(link(row).textContent));
const filter = () => {
  const wanted = plain(box.value);
  prepare();
  const rows = wanted ? all.filter((_, at) => names[at].includes(wanted)) : [];
  const few = rows.slice(0, MOST).map(row => row.cloneNode(true));
  found.replaceChildren(...few);
  // Quicker than a class of the table, which has all rows looked at.
  if (!wanted !== (shown === all)) for (const body of table.tBodies) body.hidden = body !== found && !!wanted;
  shown = wanted ? few : all;
  const cut = rows.length > MOST ? `, ${MOST} shown` : '';
  told.value = wanted ? rows.length.toLocaleString('en') + ' found' + cut : '';
};
if (told) {
  found.role = 'rowgroup';
  table.append(found);
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
})();
