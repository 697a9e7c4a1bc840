// The page that answers a form shows the names and values that were sent in a list, dl.form. This fills the
// form with the values again, and shows its labels in place of the names.
const receipt = document.querySelector("dl.form");
const unfilled = ["button", "file", "hidden", "image", "password", "reset", "submit"];
const sent = new Map();

for (const term of receipt?.querySelectorAll("dt") ?? []) {
  const { terms, values } = sent.get(term.textContent) ?? { terms: [], values: [] };
  sent.set(term.textContent, { terms, values });
  terms.push(term);
  values.push(term.nextElementSibling.textContent);
}

// A box that isn't checked isn't sent, so this looks at every field.
for (const field of receipt ? document.forms[0].elements : []) {
  const { terms, values } = sent.get(field.name) ?? { terms: [], values: [] };
  if (field.type === "checkbox" || field.type === "radio") {
    field.checked = values.includes(field.value);
  } else if (field.options) {
    for (const option of field.options) option.selected = values.includes(option.value);
  } else if (values.length && !unfilled.includes(field.type)) {
    field.value = values.shift();
  }
  const [, another] = document.getElementsByName(field.name);
  const label = another ? field.closest("fieldset")?.querySelector("legend") : field.labels?.[0];
  for (const term of label ? terms : []) term.textContent = label.textContent.trim();
}
