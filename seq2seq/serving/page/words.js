// The texts of the page, and the language that it speaks.

const TEXTS = {
  en: {
    docs: "API",
    language: "Language",
    key: "API key",
    model: "Model",
    text: "Text",
    prompt: "Beginning of the text",
    settings: "Settings",
    sampler: "Sampler",
    greedy: "Greedy",
    sample: "Sampling",
    beam: "Beam search",
    max_length: "Maximum tokens",
    temperature: "Temperature",
    top_k: "Top k",
    top_p: "Top p",
    seed: "Seed",
    width: "Beam width",
    length_penalty: "Length penalty",
    num_results: "Number of results",
    send: "Send",
    stop: "Stop",
    shortcut: "Ctrl + Enter",
    answer: "Answer",
    unlikely: "unlikely",
    likely: "likely",
    score: "Score",
    normalised_score: "normalised",
    cut: "Cut off at the maximum of tokens",
    stopped: "Stopped",
    attention: "Attention",
    no_key: "This server asks for an API key.",
    no_models: "This server has no model.",
    unreached: "The server cannot be reached.",
    unreadable: "The server sent no answer that this page can read.",
    broken_off: "The answer broke off.",
  },
  "zh-CN": {
    docs: "接口文档",
    language: "语言",
    key: "API 密钥",
    model: "模型",
    text: "文本",
    prompt: "开头",
    settings: "设置",
    sampler: "采样器",
    greedy: "贪心",
    sample: "随机采样",
    beam: "束搜索",
    max_length: "最多词元数",
    temperature: "温度",
    top_k: "Top k",
    top_p: "Top p",
    seed: "随机种子",
    width: "束宽",
    length_penalty: "长度惩罚",
    num_results: "结果个数",
    send: "发送",
    stop: "停止",
    shortcut: "Ctrl + Enter",
    answer: "结果",
    unlikely: "可能性低",
    likely: "可能性高",
    score: "得分",
    normalised_score: "按长度归一",
    cut: "已达到最多词元数，到此为止",
    stopped: "已停止",
    attention: "注意力",
    no_key: "此服务器需要 API 密钥。",
    no_models: "此服务器上没有模型。",
    unreached: "无法连接服务器。",
    unreadable: "服务器的回复无法读取。",
    broken_off: "回答中断了。",
  },
};

let language = remembered() ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en");

/** The language chosen on an earlier visit; a browser may forbid to ask. */
function remembered() {
  try {
    const chosen = localStorage.getItem("seq2seq-language");
    return Object.hasOwn(TEXTS, chosen) ? chosen : null;
  } catch {
    return null;
  }
}

/** Chooses a language, for later visits too. */
export function choose(chosen) {
  language = chosen;
  try {
    localStorage.setItem("seq2seq-language", language);
  } catch {
    // It lasts as long as the page.
  }
}

/** Returns a text in the language of the page. */
export function word(name) {
  return TEXTS[language][name];
}

/** Fills in the texts of the elements that name one, in `data-words` or `data-label`. */
export function speak() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = word(element.dataset.words);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", word(element.dataset.label));
  }
}
