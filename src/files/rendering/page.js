{
const [box, told, table] = ['input', 'output', 'table'].map(name => document.querySelector(name));
const all = [...document.querySelectorAll('tbody tr')];
const link = row => row.cells[0].firstChild;
const plain = text => text.normalize().toLowerCase();
let found, names, parts, shown = all;
const prepare = () => names ||= all.map(row => plain(link(row).textContent));
const settle = most => {
	const to = shown == all ? '' : 'o', late = parts.filter(part => part.className != to);
	for (const part of late.slice(0, most)) part.className = to;
	if (late[most]) setTimeout(settle, 30, 32);
};
const filter = () => {
	const wanted = plain(box.value);
	prepare();
	const rows = all.filter((_, at) => wanted && names[at].includes(wanted));
	const few = rows.slice(0, 100).map(row => row.cloneNode(true)), body = found.tBodies[0];
	body.replaceChildren(...few.slice(0, 30));
	setTimeout(() => shown == few && body.append(...few.slice(30)), 30);
	found.hidden = !wanted;
	table.parentNode.className = wanted && 'c';
	shown = wanted ? few : all;
	settle(wanted ? 0 : 4);
	told.value = wanted && rows.length.toLocaleString('en') + ' found' + (rows[100] ? ', 100 shown' : '');
};
if (told) {
	parts = [...table.children];
	found = table.cloneNode();
	found.append(...parts.slice(0, 3).map((part, at) => part.cloneNode(at < 2)));
	found.hidden = true;
	told.after(found);
	box.hidden = false;
	if (matchMedia('(hover)').matches) box.placeholder += ' (press /)';
	box.addEventListener('input', filter);
	setTimeout(prepare, 500);
}
addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
	const inBox = event.target == box, row = event.target.closest('tr');
	const to = {
		ArrowDown: shown[shown.indexOf(row) + 1],
		ArrowUp: row && (shown[shown.indexOf(row) - 1] || box),
		'/': told && !inBox && box,
	}[event.key];
	if (to) (to == box ? box : link(to)).focus();
	else if (event.key == 'Enter' && inBox && shown[0]) link(shown[0]).click();
	else if (event.key == 'Backspace' && !inBox) document.querySelector('[rel=up]')?.click();
	else if (event.key == 'Escape' && inBox) {
		box.value = '';
		filter();
		box.blur();
	} else return;
	event.preventDefault();
});
}
