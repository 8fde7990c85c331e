// Elements as values, and a reconciler that changes only what differs: focus, open details and charts stay.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  return build(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return build(document.createElementNS(SVG, tag), props, children);
}

function build(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  // Lengths and colours that come from data go through the CSSOM: the policy allows no style attributes.
  if (name === "vars") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, String(one));
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Make `host` contain what `next` (elements) says, touching as little as possible. */
export function render(host, ...next) {
  reconcile(host, next.flat(Infinity).filter(Boolean));
}

function reconcile(host, next) {
  const keyed = new Map([...host.childNodes].filter((node) => node.dataset?.key).map((node) => [node.dataset.key, node]));
  let at = host.firstChild;
  for (const wanted of next) {
    const match = wanted.dataset?.key ? keyed.get(wanted.dataset.key) : at;
    if (match && same(match, wanted)) {
      if (match === at) at = at.nextSibling;
      else host.insertBefore(match, at);
      update(match, wanted);
    } else {
      host.insertBefore(wanted, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function same(old, wanted) {
  return old.nodeType === wanted.nodeType && old.nodeName === wanted.nodeName && old.dataset?.key === wanted.dataset?.key;
}

function update(old, wanted) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  if (wanted.hasAttribute("data-keep")) {
    copyAttributes(old, wanted, (name) => name === "aria-label");
    return;
  }
  copyAttributes(old, wanted, () => true);
  reconcile(old, [...wanted.childNodes]);
}

function copyAttributes(old, wanted, wants) {
  // What the reader opened stays open.
  const mine = (name) => name === "open" && old.nodeName === "DETAILS";
  for (const { name } of [...old.attributes])
    if (wants(name) && !mine(name) && !wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...wanted.attributes])
    if (wants(name) && !mine(name) && name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of wanted.style) {
    const value = wanted.style.getPropertyValue(name);
    if (old.style.getPropertyValue(name) !== value) old.style.setProperty(name, value);
  }
}
