// The sign that a shift leader looks at my screen; it goes when the look is not renewed.
import { $, t } from "../core.js";

const LASTS_MS = 4000;

export class Watched {
  by({ by, name }) {
    const mark = $("#watched");
    mark.hidden = false;
    mark.textContent = t("{leader} sees your screen", { leader: `${by} ${name}` });
    mark.title = mark.textContent;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (mark.hidden = true), LASTS_MS);
  }
}
