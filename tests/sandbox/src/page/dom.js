// Making elements. Whatever a merchant wrote goes in as text.

const byId = (id) => document.getElementById(id);

const el = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  Object.entries(attributes || {}).forEach(([name, value]) => {
    if (name === "click") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  });
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

// Puts children in place, unless they would say what is there already: focus and open details stay.
const fill = (holder, signature, children) => {
  const text = JSON.stringify([language, signature]);
  if (holder.dataset.signature === text) return false;
  holder.dataset.signature = text;
  const held = holder.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
  holder.replaceChildren(...children());
  if (held) holder.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus();
  return true;
};

const options = (select, choices) => {
  const chosen = select.value;
  select.replaceChildren(...choices.map(([value, text]) => el("option", { value }, text)));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
};

const sayUnanswered = (so) => { byId("unanswered").hidden = !so; };

const announce = (text) => { byId("announcer").textContent = text; };
