/** A form drawn from its fields. */

import { visible } from "../../base/visible.js";
import { type Field, inputName, type Value } from "../forms/field.js";
import { type Html, html, told } from "./html.js";

/** What was filled in before, and what is wrong with it. */
export interface Filled {
  readonly sent?: URLSearchParams | undefined;
  readonly problems?: ReadonlyMap<string, string> | undefined;
}

export const fieldList = (fields: readonly Field[], { sent, problems }: Filled): Html =>
  html`${fields.map((field, at) =>
    drawn(field, { id: `field-${at}`, sent: sent?.getAll(inputName(field.name)), problem: problems?.get(field.name) }),
  )}`;

interface Drawing {
  readonly id: string;
  readonly sent: readonly string[] | undefined;
  readonly problem: string | undefined;
}

function drawn(field: Field, drawing: Drawing): Html {
  const { id, problem } = drawing;
  const help = html`${field.help === undefined ? "" : html`<p class="help" id="${id}-help">${told(field.help, 600)}</p>`}${
    problem === undefined ? "" : html`<p class="wrong" id="${id}-wrong">${problem}</p>`
  }`;
  const described = [field.help === undefined ? "" : `${id}-help`, problem === undefined ? "" : `${id}-wrong`];
  const attributes = html` id="${id}" name="${inputName(field.name)}"${
    described.some(Boolean) ? html` aria-describedby="${described.join(" ").trim()}"` : ""
  }${problem === undefined ? "" : html` aria-invalid="true"`}${field.required ? html` required` : ""}`;
  if (field.type === "choice" || field.type === "many") return group(field, drawing, help);
  if (field.type === "boolean") {
    const on = drawing.sent === undefined ? field.value === true : drawing.sent.includes("true");
    return html`<div class="field check"><input type="checkbox" id="${id}" name="${inputName(field.name)}" value="true"${on ? html` checked` : ""}>
<label for="${id}">${told(field.label, 200)}</label>${help}</div>`;
  }
  return html`<div class="field"><label for="${id}">${told(field.label, 200)}${field.required ? "" : html` <span class="quiet">(may be empty)</span>`}</label>
${help}${field.type === "number" ? numberInput(field, attributes, drawing.sent) : textInput(field, attributes, drawing.sent)}</div>`;
}

type Of<Type extends Field["type"]> = Extract<Field, { type: Type }>;

/** Checked by the server: what a browser makes of `type=number` differs by its language. */
function numberInput(field: Of<"number">, attributes: Html, sent: readonly string[] | undefined): Html {
  const value: Value = sent?.[0] ?? field.value ?? "";
  return html`<input inputmode="${field.whole ? "numeric" : "decimal"}" autocomplete="off"${attributes} value="${visible(String(value))}">`;
}

const inputTypes = { email: "email", uri: "url", date: "date", "date-time": "datetime-local" } as const;

function textInput(field: Of<"text">, attributes: Html, sent: readonly string[] | undefined): Html {
  // Whatever was typed there before is not sent back.
  if (field.secret) return html`<input type="password" autocomplete="off" spellcheck="false"${attributes}>`;
  const value = sent?.[0] ?? field.value ?? "";
  if (field.long)
    return html`<textarea rows="4"${attributes}>
${value}</textarea>`;
  const type = field.format === undefined ? "text" : inputTypes[field.format];
  return html`<input type="${type}" autocomplete="off"${attributes} value="${value}">`;
}

function group(field: Of<"choice"> | Of<"many">, { id, sent, problem }: Drawing, help: Html): Html {
  const before = field.type === "many" ? (field.values ?? []) : field.value === undefined ? [] : [field.value];
  const isChosen = (value: string, at: number): boolean => sent?.includes(String(at)) ?? before.includes(value);
  const type = field.type === "many" ? "checkbox" : "radio";
  return html`<fieldset class="field"${problem === undefined ? "" : html` aria-describedby="${id}-wrong"`}><legend>${told(field.label, 200)}</legend>${help}
${field.choices.map(
  ({ value, label }, at) =>
    html`<div class="check"><input type="${type}" id="${id}-${at}" name="${inputName(field.name)}" value="${at}"${
      isChosen(value, at) ? html` checked` : ""
    }${field.required && type === "radio" ? html` required` : ""}><label for="${id}-${at}">${told(label, 300)}</label></div>`,
)}</fieldset>`;
}
