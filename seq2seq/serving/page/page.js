// What the controls of the page do.

import { classify, fill, generate } from "./answers.js";
import { listModels, Problem, useKey } from "./api.js";
import { make, say } from "./elements.js";
import { hideAlternatives } from "./tokens.js";
import { choose, speak, word } from "./words.js";

const find = (selector) => document.querySelector(selector);
const unsampled = { classify, fill }; // by task
const form = find("#request");
const { model: modelField, inputs: textField, sampler: samplerField } = form.elements;
const results = find("#results");

let models = [];
let running = null; // what aborts the request under way

async function loadModels() {
  try {
    models = (await listModels()).filter(({ tokenizer }) => tokenizer !== false);
    showProblem(models.length ? null : new Problem({ words: "no_models" }));
  } catch (problem) {
    showProblem(problem);
  }
  modelField.replaceChildren(...models.map(({ id }) => make("option", { value: id }, id)));
  showControls();
}

const chosenTask = () => models.find(({ id }) => id === modelField.value)?.task;

/** Shows the controls that the model and the sampler have; those hidden are not sent. */
function showControls() {
  const task = chosenTask();
  const label = find("#text-label");
  label.dataset.words = task === "language-model" ? "prompt" : "text";
  label.textContent = word(label.dataset.words);
  textField.required = task !== "language-model";
  find("#settings").hidden = task in unsampled;
  for (const group of form.querySelectorAll("fieldset")) {
    const { sampler = samplerField.value } = group.dataset;
    group.disabled = task in unsampled || sampler !== samplerField.value;
    group.hidden = group.disabled;
  }
}

function readControls() {
  const fields = [...form.elements].filter((field) => field.name && !field.matches(":disabled"));
  // An empty number is NaN, which is null in JSON.
  const read = ({ type, value, valueAsNumber }) => (type === "number" ? valueAsNumber : value);
  return Object.fromEntries(fields.map((field) => [field.name, read(field)]));
}

async function send() {
  if (!models.length) await loadModels();
  if (running || !models.length) return;
  running = new AbortController();
  results.replaceChildren();
  hideAlternatives();
  showProblem(null);
  showRunning();
  try {
    const answer = unsampled[chosenTask()] ?? generate;
    await answer(readControls(), results, running.signal);
  } catch (problem) {
    if (problem.name === "AbortError") results.append(say("p", "stopped"));
    else showProblem(problem);
  }
  running = null;
  showRunning();
}

function showRunning() {
  results.setAttribute("aria-busy", Boolean(running));
  find("#answer").hidden = !running && !results.textContent;
  find("#send").disabled = Boolean(running);
  find("#stop").disabled = !running;
}

function showProblem(problem) {
  const place = find("#problem");
  place.replaceChildren();
  if (!problem) return;
  const known = problem instanceof Problem;
  if (!known) console.error(problem);
  const { words, message, status } = known ? problem : { words: "unreadable" };
  place.append(words ? say("span", words) : message);
  if (status === 401) {
    find("#key").hidden = false;
    find("#key input").focus();
  }
}

function showLanguage() {
  speak();
  for (const button of document.querySelectorAll("#languages button")) {
    button.setAttribute("aria-pressed", button.value === document.documentElement.lang);
  }
}

find("#languages").addEventListener("click", ({ target }) => {
  if (!target.value) return;
  choose(target.value);
  showLanguage();
});

find("#key").addEventListener("submit", (event) => event.preventDefault());
find("#key input").addEventListener("change", ({ target }) => {
  useKey(target.value.trim());
  if (!models.length) loadModels();
});

modelField.addEventListener("change", showControls);
samplerField.addEventListener("change", showControls);
// A number that is not valid could not be seen in closed settings.
find("#settings").addEventListener("invalid", () => (find("#settings").open = true), true);
find("#stop").addEventListener("click", () => running?.abort());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
textField.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

showLanguage();
loadModels();
