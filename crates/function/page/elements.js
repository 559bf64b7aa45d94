// Elements are made one way: text goes in as text, whatever it says.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function part(of, name) {
  return of.querySelector(`[data-part="${name}"]`);
}

function marked(known, state) {
  const [mark, word, colour] = stateOf(known, state);
  return element("span", { class: colour }, element("span", { "aria-hidden": "true" }, `${mark} `), word);
}
