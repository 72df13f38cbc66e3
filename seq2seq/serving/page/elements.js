// Elements made of data: text stays text, whatever is in it.

import { word } from "./words.js";

/** Returns an element with these attributes and children. */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Returns an element that says a text of `words.js`, now and when the language changes. */
export function say(tag, name) {
  return make(tag, { "data-words": name }, word(name));
}

/** Gives an element the shade, or the length, of a number from 0 to 1; returns the element. */
export function weigh(element, weight) {
  element.style.setProperty("--weight", weight);
  return element;
}
