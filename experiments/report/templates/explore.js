// Draws the rate map and the loss curves of the experiments that are asked for. Without it the figures below say the same.
for (const block of document.querySelectorAll("[data-explorer]")) {
  const known = JSON.parse(block.querySelector("script").textContent);
  const texts = known.texts;
  const charts = block.querySelector(".charts");
  const told = block.querySelector(".told");
  const selects = [...block.querySelectorAll("select")];
  const fill = (text, values) => text.replace(/%(\w+)/g, (_, name) => values[name]);

  const make = (parent, name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };

  // A chart with its title, axes and ticks; `x` and `y` take values to pixels.
  const chart = (title, below, xs, ys, ticks, scale = (value) => value) => {
    const width = Math.max(280, charts.clientWidth < 660 ? charts.clientWidth : (charts.clientWidth - 16) / 2);
    const [left, top, right, bottom, height] = [58, 26, 8, 40, 300];
    const svg = make(charts, "svg", { role: "img", viewBox: `0 0 ${width} ${height}`, height, "aria-label": title });
    const [low, high] = ys.map(scale);
    const x = (value) => left + ((value - xs[0]) / (xs[1] - xs[0] || 1)) * (width - left - right);
    const y = (value) => top + ((high - Math.min(Math.max(scale(value), low), high)) / (high - low || 1)) * (height - top - bottom);
    make(svg, "text", { x: 0, y: 14, class: "title" }, title);
    for (const [value, label] of ticks.y) {
      make(svg, "line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: value === 0 ? "axis" : "grid" });
      make(svg, "text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, label);
    }
    for (const [value, label] of ticks.x) {
      make(svg, "line", { x1: x(value), x2: x(value), y1: top, y2: height - bottom, class: "grid" });
      make(svg, "text", { x: x(value), y: height - bottom + 16, "text-anchor": "middle" }, label);
    }
    make(svg, "text", { x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, below);
    const line = (xv, yv, attributes, name) => {
      let pen = "M";
      const path = xv.map((value, i) => {
        if (yv[i] === null) { pen = "M"; return ""; }
        const part = `${pen}${x(value).toFixed(1)} ${y(yv[i]).toFixed(1)}`;
        pen = "L";
        return part;
      }).join("");
      const node = make(svg, "path", { d: path, ...attributes });
      if (name) make(node, "title", {}, name);
      return node;
    };
    return { svg, x, y, line, left, top, right: width - right, bottom: height - bottom };
  };

  const number = (value) => String(Number(value.toPrecision(2))).replace("-", "\u2212");
  const steps = (low, high, count = 4) => {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
    return found.map((value) => [value, number(value)]);
  };
  const name = (cell) => ["task", "network", "optimizer"].map((kind) => known.choices[kind][cell[kind]]).join(" \u00b7 ");
  const ink = (arm) => known.arms.find((one) => one.id === arm).ink;
  const letters = (arm) => known.arms.find((one) => one.id === arm).letters;

  const drawMap = (chosen) => {
    const all = known.cells.filter((cell) => cell.map);
    if (!all.length) return;
    const margin = known.margin;
    const reach = 10 * margin;
    // linear within the margin, logarithmic beyond
    const scale = (value) => Math.sign(value) * (Math.abs(value) <= margin ? Math.abs(value) / margin : 1 + Math.log10(Math.abs(value) / margin));
    const reaches = (chosen.length === 1 && chosen[0].map ? chosen : all).flatMap((cell) => cell.map.x);
    const [first, last] = [Math.max(-7, Math.min(...reaches)), Math.min(7, Math.max(...reaches))];
    const ticks = { x: [], y: [-10, -3, -1, 0, 1, 3, 10].map((factor) => [factor * margin, (factor > 0 ? "+" : "") + number(factor * margin)]) };
    for (let at = first; at <= last; at++) if (at % 2 === 0) ticks.x.push([at, at === 0 ? texts.best : at < 0 ? `1/${2 ** -at}` : String(2 ** at)]);
    const at = chart(texts.map, texts.rate, [first - 0.2, last + 0.2], [-reach, reach], ticks, scale);
    for (const [from, to] of [[-2, -1], [1, 2]])
      at.svg.prepend(make(at.svg, "rect", { x: at.x(from), y: at.top, width: at.x(to) - at.x(from), height: at.bottom - at.top, class: "judged" }));
    const inside = (cell) => {
      const kept = cell.map.x.map((value, i) => i).filter((i) => cell.map.x[i] >= first && cell.map.x[i] <= last);
      const pick = (values) => kept.map((i) => values[i]);
      return [pick(cell.map.x), pick(cell.map.y), pick(cell.map.low), pick(cell.map.high)];
    };
    for (const cell of all) if (!chosen.includes(cell)) at.line(...inside(cell).slice(0, 2), { class: "line" });
    for (const cell of chosen.filter((one) => one.map)) {
      const [xv, yv, low, high] = inside(cell);
      if (chosen.length === 1) {
        const kept = xv.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
        const back = [...kept].reverse();
        at.line([...kept, ...back].map((i) => xv[i]), [...kept.map((i) => high[i]), ...back.map((i) => low[i])], { class: "band", fill: ink("softmax") });
      }
      at.line(xv, yv, chosen.length === 1 ? { class: "chosen", stroke: ink("softmax") } : { class: "many" }, name(cell));
    }
    make(at.svg, "text", { x: at.left + 4, y: at.top + 14, class: "end", fill: letters("sigmoid") }, texts.sigmoid);
    make(at.svg, "text", { x: at.right - 4, y: at.bottom - 6, class: "end", "text-anchor": "end", fill: letters("softmax") }, texts.softmax);
  };

  const drawLoss = (chosen) => {
    const shown = chosen.filter((cell) => cell.loss);
    if (!shown.length) return;
    const one = shown.length === 1;
    const lines = shown.flatMap((cell) => one
      ? known.arms.filter((arm) => cell.loss[arm.id]).map((arm) => ({ arm, x: cell.loss.x, y: cell.loss[arm.id] }))
      : [{ cell, x: cell.loss.x, y: cell.loss.x.map((_, i) => cell.loss.softmax?.[i] == null || cell.loss.sigmoid?.[i] == null ? null : cell.loss.softmax[i] - cell.loss.sigmoid[i]) }]);
    const values = lines.flatMap((line) => line.y).filter((value) => value !== null).sort((a, b) => a - b);
    if (!values.length) return;
    // a run that breaks down must not flatten the others
    const [low, high] = [one ? values[0] : Math.min(0, values[Math.floor(0.01 * values.length)]), values[Math.ceil(0.99 * values.length) - 1]];
    const last = Math.max(...lines.flatMap((line) => line.x));
    const at = chart(one ? texts.loss : texts.difference, texts.steps, [0, last], [low, Math.max(high, one ? high : 0)], { x: steps(0, last), y: steps(low, high) });
    lines.forEach((line) => at.line(line.x, line.y, line.arm ? { class: "chosen", stroke: line.arm.ink, ...(line.arm.id === "softmax_matched" ? { "stroke-dasharray": "5 4" } : {}) } : { class: "many" }, line.arm ? line.arm.name : name(line.cell)));
    lines.filter((line) => line.arm).forEach((line, i) => make(at.svg, "text", { x: at.right - 4, y: at.top + 14 + 16 * i, class: "end", "text-anchor": "end", fill: line.arm.letters }, line.arm.name));
  };

  const draw = () => {
    const wanted = selects.filter((select) => select.value);
    const chosen = known.cells.filter((cell) => wanted.every((select) => cell[select.dataset.kind] === select.value));
    charts.replaceChildren();
    const count = (kind) => chosen.filter((cell) => cell.kind === kind).length;
    const judged = chosen.filter((cell) => cell.kind).length;
    told.textContent = !chosen.length ? texts.none : chosen.length === 1 && chosen[0].said ? fill(texts.one, chosen[0])
      : fill(texts.some, { n: judged, apart: count("apart"), inside: count("inside"), open: count("open") });
    if (chosen.length === 1 && chosen[0].link) {
      const link = document.createElement("a");
      [link.href, link.textContent] = [chosen[0].link, texts.notebook];
      told.append(" ", link);
    }
    if (!chosen.length) return;
    drawMap(chosen);
    drawLoss(chosen);
  };

  for (const select of selects) {
    select.append(new Option(texts.all, ""));
    for (const [key, label] of Object.entries(known.choices[select.dataset.kind])) select.append(new Option(label, key));
    select.addEventListener("change", draw);
  }
  block.querySelector(".asked").hidden = false;
  block.querySelector(".without").hidden = true;
  addEventListener("resize", draw);
  draw();
}
