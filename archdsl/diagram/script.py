"""The script of the page: it opens and closes frames, and lays out what is then drawn by the rules of `layout.py`.

Its functions have the names of those there, and its numbers come from there: a test holds that both give one layout.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
(() => {
  const { sizes: S, down, row: root, depth } = JSON.parse(document.getElementById("archdsl-data").textContent);
  const half = (size) => Math.floor(size / 2);
  const byId = (name) => document.getElementById(name);
  const svg = byId("drawing");
  const content = byId("content");

  // Sizes, from the inside out.

  function measureRow(row) {
    row.main = 0;
    row.before = row.after = S.RAIL / 2;
    row.parts.forEach((part) => {
      measurePart(part);
      if (part.kind !== "side") {
        row.before = Math.max(row.before, part.before);
        row.after = Math.max(row.after, part.after);
      }
    });
    row.parts.forEach((part, index) => {
      row.main += part.kind === "side" ? 0 : part.main;
      if (index + 1 < row.parts.length || part.kind === "side") row.main += gapBehind(row, index);
      if (row.labels[index]) {
        if (down) row.after = Math.max(row.after, 8 + row.labels[index]);
        else row.before = Math.max(row.before, S.LABEL_SIZE + 8);
      }
    });
    if (row.parts.length && row.parts[0].kind === "side") row.main += S.TAP;
    const sides = row.parts.filter((part) => part.kind === "side");
    if (sides.length) {
      row.after += S.SIDE_GAP + Math.max(...sides.map((part) => part.before + part.after));
      row.main = Math.max(row.main, ...sideStarts(row).map(([part, , start]) => start + part.main));
    }
  }

  function gapBehind(row, index) {
    return row.parts[index].kind === "side" ? S.TAP : lengthOf(row.labels[index]);
  }

  function lengthOf(label) {
    return !label ? S.GAP : down ? S.LABELLED_GAP : S.GAP + 12 + label;
  }

  function taps(row) {
    let at = row.parts.length && row.parts[0].kind === "side" ? S.TAP : 0;
    return row.parts.map((part, index) => {
      const tap = at;
      at += (part.kind === "side" ? 0 : part.main) + gapBehind(row, index);
      return tap;
    });
  }

  function sideStarts(row) {
    const result = [];
    let free = 0;
    taps(row).forEach((tap, index) => {
      const part = row.parts[index];
      if (part.kind !== "side") return;
      const start = Math.max(tap - S.HEADER / 2, free);
      result.push([part, tap, start]);
      free = start + part.main + S.BRANCH_GAP;
    });
    return result;
  }

  function measurePart(part) {
    if (part.kind === "fork") measureFork(part);
    else if (part.open) measureFrame(part);
    else {
      const [long, wide] = down ? [part.height, part.width] : [part.width, part.height];
      part.main = long;
      part.before = half(wide);
      part.after = wide - half(wide);
    }
  }

  function measureFrame(part) {
    const row = part.rows[0];
    measureRow(row);
    part.before = row.before + S.PAD;
    part.after = row.after + S.PAD;
    part.main = lead(row) + row.main + (part.kind === "side" ? S.PAD : S.GAP - 8);
    if (down) {
      part.main += S.HEADER;
      const lacks = Math.max(0, part.header - part.before - part.after);
      part.before += half(lacks);
      part.after += lacks - half(lacks);
    } else {
      part.before += S.HEADER;
      part.main = Math.max(part.main, part.header);
    }
  }

  function lead(row) {
    return row.parts.length && row.parts[0].kind === "fork" ? half(S.GAP) : S.GAP;
  }

  const lastOf = (list) => list[list.length - 1];
  const jointOf = (part) => (part.join === "concat" ? S.BAR : S.DISC);

  function measureFork(part) {
    part.rows.forEach(measureRow);
    const exits = Math.max(...part.rows.map((row) => lengthOf(lastOf(row.labels))));
    const longest = Math.max(...part.rows.map((row) => row.main));
    part.main = S.FAN + longest + exits + jointOf(part);
    const at = axes(part);
    const axis = axisOf(part, at);
    const least = half(part.join === "concat" ? S.LEAST_BAR : S.DISC);
    part.before = Math.max(axis, least);
    part.after = Math.max(lastOf(at) + lastOf(part.rows).after - axis, least);
  }

  function axes(part) {
    let at = 0;
    return part.rows.map((row) => {
      const axis = at + row.before;
      at += row.before + row.after + S.BRANCH_GAP;
      return axis;
    });
  }

  function axisOf(part, at) {
    const busy = part.rows.map((row, index) => index).filter((index) => part.rows[index].parts.length);
    if (busy.length === 1) return at[busy[0]];
    if (busy.length && part.join !== "concat") {
      return at[busy.reduce((best, index) => (part.rows[index].main > part.rows[best].main ? index : best))];
    }
    return half(at[0] + lastOf(at));
  }

  // Places, from the outside in.

  const point = (main, cross) => (down ? [cross, main] : [main, cross]);

  function placeRow(row, main, axis) {
    row.edges = [];
    const starts = taps(row).map((tap) => main + tap);
    const parts = row.parts.filter((part) => part.kind !== "side");
    const labels = down ? row.labels.filter(Boolean).map((label) => 8 + label) : [];
    const reach = Math.max(S.RAIL / 2, ...parts.map((part) => part.after), ...labels);
    row.parts.forEach((part, index) => {
      if (part.kind !== "side") placePart(part, starts[index], axis);
      if (index + 1 < row.parts.length) {
        const end = starts[index] + (part.kind === "side" ? 0 : part.main);
        row.edges.push(edge(end, starts[index + 1], axis, row.parts[index + 1]));
      }
    });
    sideStarts(row).forEach(([part, tap, start]) => {
      const lane = axis + reach + S.SIDE_GAP / 2;
      const sideStart = axis + reach + S.SIDE_GAP;
      placePart(part, main + start, sideStart + part.before);
      const enters = main + start + S.HEADER / 2;
      const points = [point(main + tap, axis), point(main + tap, lane), point(enters, lane), point(enters, sideStart)];
      row.edges.push({ points: straightened(points), arrow: true, label: point(0, 0) });
    });
  }

  const isArrowed = (part, kinds) => kinds.includes(part.kind) && !part.open;

  function edge(start, end, axis, target) {
    const arrow = Boolean(target) && isArrowed(target, ["box", "terminal", "frame"]);
    return { points: [point(start, axis), point(end, axis)], arrow, label: labelAt(start, axis) };
  }

  const labelAt = (start, axis) => (down ? [axis + 8, start + 18] : [start + 8, axis - 6]);

  function placePart(part, main, axis) {
    [part.x, part.y] = point(main, axis - part.before);
    part.at = [main, axis];
    if (part.kind === "fork") placeFork(part, main, axis);
    else if (part.open) placeBody(part, main, axis);
  }

  function placeBody(part, main, axis) {
    const row = part.rows[0];
    const start = main + (down ? S.HEADER : 0);
    const begin = lead(row);
    placeRow(row, start + begin, axis);
    row.edges.unshift(edge(start, start + begin + firstTap(row), axis, row.parts[0]));
    if (part.kind === "frame") row.edges.push(edge(start + begin + endOfLine(row), main + part.main, axis, null));
  }

  const firstTap = (row) => (row.parts.length ? taps(row)[0] : 0);

  function endOfLine(row) {
    if (!row.parts.length) return 0;
    const last = lastOf(row.parts);
    return lastOf(taps(row)) + (last.kind === "side" ? 0 : last.main);
  }

  function placeFork(part, main, axis) {
    const isConcat = part.join === "concat";
    let at = axes(part);
    const own = axisOf(part, at);
    at = at.map((each) => axis + each - own);
    const joint = jointOf(part);
    const joinStart = main + part.main - joint;
    let low = axis - S.DISC / 2;
    let high = axis + S.DISC / 2;
    if (isConcat) {
      const room = S.LEAST_BAR / 2 - S.RAIL / 2;
      low = Math.max(axis - part.before, Math.min(...at, axis - room) - S.RAIL / 2);
      high = Math.min(axis + part.after, Math.max(...at, axis + room) + S.RAIL / 2);
    }
    const corner = point(joinStart, low);
    const end = point(joinStart + joint, high);
    part.joint = [...corner, end[0] - corner[0], end[1] - corner[1]];
    const longest = Math.max(...part.rows.map((row) => row.main));
    part.rows.forEach((row, index) => {
      const branch = at[index];
      const start = main + S.FAN + half(longest - row.main);
      placeRow(row, start, branch);
      const ends = [point(main, axis), point(main, branch)];
      let out = [point(start + endOfLine(row), branch)];
      if (row.parts.length) {
        const into = point(start + firstTap(row), branch);
        const arrow = isArrowed(row.parts[0], ["box", "frame"]);
        row.edges.unshift({ points: straightened([...ends, into]), arrow, label: point(0, 0) });
      } else out = ends;
      if (isConcat || branch === axis) out.push(point(joinStart, branch));
      else {
        out.push(point(joinStart + S.DISC / 2, branch), point(joinStart + S.DISC / 2, branch < axis ? low : high));
      }
      row.edges.push({ points: straightened(out), arrow: true, label: labelAt(start + endOfLine(row), branch) });
    });
  }

  function straightened(points) {
    const result = [];
    points.forEach((each) => {
      const last = lastOf(result);
      if (last && last[0] === each[0] && last[1] === each[1]) return;
      const before = result[result.length - 2];
      if (before && [0, 1].some((axis) => before[axis] === last[axis] && last[axis] === each[axis])) result.pop();
      result.push(each);
    });
    return result;
  }

  // Onto the page.

  function pathOf(points) {
    const parts = [`M${points[0][0]} ${points[0][1]}`];
    for (let index = 1; index + 1 < points.length; index += 1) {
      const corner = points[index];
      const [a, b] = [towards(corner, points[index - 1]), towards(corner, points[index + 1])];
      parts.push(`L${a[0]} ${a[1]} Q${corner[0]} ${corner[1]} ${b[0]} ${b[1]}`);
    }
    const end = lastOf(points);
    return [...parts, `L${end[0]} ${end[1]}`].join(" ");
  }

  function towards(corner, end) {
    const [dx, dy] = [end[0] - corner[0], end[1] - corner[1]];
    const reach = Math.min(S.BEND, half(Math.abs(dx) + Math.abs(dy)));
    return [corner[0] + reach * Math.sign(dx), corner[1] + reach * Math.sign(dy)];
  }

  const set = (element, values) => Object.entries(values).forEach(([name, value]) => element.setAttribute(name, value));
  const child = (element, name) => element.querySelector(`:scope > .${name}`);

  function drawRow(row) {
    row.edges.forEach((each, index) => {
      const path = byId(`e${row.number}-${index}`);
      path.setAttribute("d", pathOf(each.points));
      if (each.arrow) path.setAttribute("marker-end", "url(#archdsl-arrow)");
      else path.removeAttribute("marker-end");
      const label = byId(`e${row.number}-${index}-shape`);
      if (label) set(label, { x: each.label[0], y: each.label[1] });
    });
    row.parts.forEach(drawPart);
  }

  function drawPart(part) {
    const element = byId(`n${part.number}`);
    if (part.kind === "fork") {
      const [x, y, width, height] = part.joint;
      const join = child(element, "join");
      join.setAttribute("transform", `translate(${x} ${y})`);
      if (part.join === "concat") {
        set(child(join, "bar"), { width, height });
        const text = child(join, "bar-text");
        set(text, { x: half(width), y: half(height) + 4 });
        if (!down) text.setAttribute("transform", `rotate(-90 ${half(width)} ${half(height)})`);
      }
      part.rows.forEach(drawRow);
      return;
    }
    if (!part.open) {
      child(element, "closed").setAttribute("transform", `translate(${part.x} ${part.y})`);
    }
    if (!part.rows) return;
    element.classList.toggle("open", part.open);
    element.setAttribute("aria-expanded", part.open);
    if (!part.open) return;
    const wide = part.before + part.after;
    const [width, height] = down ? [wide, part.main] : [part.main, wide];
    set(child(element, "area"), { x: part.x, y: part.y, width, height });
    const header = child(element, "header");
    header.setAttribute("transform", `translate(${part.x} ${part.y})`);
    const [H, W] = [S.HEADER, width];
    const strip = `M0.5 ${H} V6 a5.5 5.5 0 0 1 5.5 -5.5 H${W - 6} a5.5 5.5 0 0 1 5.5 5.5 V${H} Z`;
    child(header, "strip").setAttribute("d", strip);
    const times = child(header, "times");
    if (times) times.setAttribute("x", width - S.PAD);
    drawRow(part.rows[0]);
  }

  function draw() {
    measureRow(root);
    placeRow(root, 0, root.before);
    drawRow(root);
    const wide = root.before + root.after;
    const [width, height] = down ? [wide, root.main] : [root.main, wide];
    const [W, H] = [width + 2 * S.MARGIN, height + 2 * S.MARGIN];
    set(svg, { width: W, height: H, viewBox: `0 0 ${W} ${H}` });
  }

  // Opening and closing, the keyboard, and what is told.

  const parts = new Map();
  const frames = [];
  (function collect(row, level) {
    row.parts.forEach((part) => {
      parts.set(`n${part.number}`, part);
      if (part.rows) part.rows.forEach((each) => collect(each, part.kind === "fork" ? level : level + 1));
      if (part.rows && part.kind !== "fork") {
        frames.push([part, level]);
        part.open = level < depth;
      }
    });
  })(root, 0);

  const around = (item) => item.parentElement.closest('[role="treeitem"]');
  const isSeen = (item) => {
    for (let at = around(item); at; at = around(at)) if (!parts.get(at.id).open) return false;
    return true;
  };
  const seen = () => [...content.querySelectorAll('[role="treeitem"]')].filter(isSeen);
  const canOpen = (item) => item && item.hasAttribute("aria-expanded");

  function toggle(item, open) {
    const part = parts.get(item.id);
    part.open = open === undefined ? !part.open : open;
    draw();
    select(item);
  }

  function select(item) {
    content.querySelectorAll('[tabindex="0"]').forEach((each) => each.setAttribute("tabindex", "-1"));
    item.setAttribute("tabindex", "0");
    tell(item);
  }

  function tell(item) {
    const box = byId("told");
    const lines = (item.dataset.told || "").split("\n");
    box.replaceChildren(...lines.map((line, index) => {
      const element = document.createElement(index ? "p" : "h2");
      element.textContent = line;
      return element;
    }));
  }

  function go(item) {
    if (!item) return;
    select(item);
    item.focus();
    item.querySelector(".face, .strip")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  svg.addEventListener("keydown", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = seen();
    const at = all.indexOf(item);
    const isOpen = canOpen(item) && parts.get(item.id).open;
    const actions = {
      ArrowDown: () => go(all[at + 1]),
      ArrowUp: () => go(all[at - 1]),
      ArrowRight: () => (canOpen(item) && !isOpen ? toggle(item, true) : go(all[at + 1])),
      ArrowLeft: () => (isOpen ? toggle(item, false) : go(around(item))),
      Enter: () => canOpen(item) && toggle(item),
      " ": () => canOpen(item) && toggle(item),
      Home: () => go(all[0]),
      End: () => go(lastOf(all)),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });

  svg.addEventListener("click", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    if (canOpen(item) && event.target.closest(".header, .closed")) toggle(item);
    select(item);
    item.focus({ preventScroll: true });
  });
  svg.addEventListener("pointerover", (event) => {
    // A branch that is a line alone is told of where its line is pointed at.
    const line = event.target.closest(".edge")?.parentElement.querySelector(":scope > .skip");
    const item = line || event.target.closest('[role="treeitem"]');
    if (item) tell(item);
  });
  svg.addEventListener("focusin", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (item) select(item);
  });

  function setAll(open) {
    frames.forEach(([part]) => { part.open = open; });
    draw();
    const item = content.querySelector('[tabindex="0"]');
    if (item && !isSeen(item)) select(seen()[0]);
  }
  byId("open-all").addEventListener("click", () => setAll(true));
  byId("close-all").addEventListener("click", () => setAll(false));
  document.querySelectorAll('input[name="by"]').forEach((each) => each.addEventListener("change", () => {
    document.body.dataset.by = each.value;
  }));

  draw();
  select(seen()[0]);
  document.body.classList.add("live");
})();
"""
