// The dashboard's page. Names of tasks are the program's: they go into the page as text, never as HTML.
"use strict";
(() => {
  const WINDOW_S = 60;
  const RATE_SNAPSHOTS = 6;
  const KEPT = 1000;
  const ROWS = 100;
  const SVG = "http://www.w3.org/2000/svg";
  const token = new URLSearchParams(location.search).get("token") || "";
  const address = (path) => `${path}?token=${encodeURIComponent(token)}`;
  const $ = (id) => document.getElementById(id);

  // ---- elements -------------------------------------------------------------------------------

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === null) continue;
      if (name === "text") element.textContent = value;
      else if (name === "click") element.addEventListener("click", value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }
  const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // Paths and places in the source break between their parts, where the line is too short for them.
  const parts = (text) => String(text).split(/(?<=\/|::)|(?=:\d)/).flatMap((part, at) => (at ? [html("wbr"), part] : [part]));

  // Replaces the contents, unless they are the same: so focus and selection stay while nothing changes.
  function show(id, ...children) {
    const place = $(id);
    const next = html("div", {}, ...children);
    if (place.firstElementChild && place.childNodes.length === 1 && place.firstElementChild.isEqualNode(next)) return;
    const focused = place.contains(document.activeElement) && document.activeElement.dataset.key;
    place.replaceChildren(next);
    if (focused) for (const each of place.querySelectorAll("[data-key]")) if (each.dataset.key === focused) each.focus();
  }

  // Columns are [head, cell of a row, is it a number]. On a narrow screen each row is a block, where the roles
  // have to be said.
  function table(label, columns, rows, empty) {
    if (!rows.length) return html("p", { class: "note", text: empty });
    const number = (column) => (column[2] ? "number" : null);
    const head = columns.map((column) => html("th", { role: "columnheader", scope: "col", class: number(column), text: column[0] }));
    const body = rows.map((row) => html("tr", { role: "row" }, ...columns.map((column) => {
      const cell = column[1](row);
      return html("td", { role: "cell", class: number(column), "data-head": column[0] },
        cell instanceof Node ? cell : html("span", {}, ...parts(cell)));
    })));
    return html("table", { role: "table", "aria-label": label },
      html("thead", { role: "rowgroup" }, html("tr", { role: "row" }, ...head)),
      html("tbody", { role: "rowgroup" }, ...body));
  }

  function facts(pairs) {
    const known = pairs.filter((pair) => pair[1] !== undefined && pair[1] !== null);
    return html("dl", {}, ...known.flatMap(([name, value]) => [
      html("dt", { text: name }), html("dd", {}, ...parts(value))]));
  }

  // ---- numbers --------------------------------------------------------------------------------

  // A number and its unit stay on one line: the spaces between them do not break.
  function duration(ns) {
    if (ns === undefined || ns === null) return "unknown";
    const digits = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
    if (ns < 1e3) return `${Math.round(ns)}\u00a0ns`;
    if (ns < 1e6) return `${digits(ns / 1e3)}\u00a0µs`;
    if (ns < 1e9) return `${digits(ns / 1e6)}\u00a0ms`;
    if (ns < 120e9) return `${digits(ns / 1e9)}\u00a0s`;
    if (ns < 7200e9) return `${digits(ns / 60e9)}\u00a0min`;
    return `${digits(ns / 3600e9)}\u00a0h`;
  }
  const whole = (value) => Math.round(value).toLocaleString("en");
  const count = (value, one, many) => `${whole(value)}\u00a0${value === 1 ? one : many || `${one}s`}`;
  const rate = (value, unit) => `${value < 10 ? value.toFixed(1) : whole(value)}\u00a0${unit}/s`;
  const percent = (part) => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)}\u00a0%`;
  const bytes = (value) => (value < 1024 ? `${value}\u00a0B` : value < 1 << 20 ? `${(value / 1024).toFixed(1)}\u00a0KiB` : `${(value / (1 << 20)).toFixed(1)}\u00a0MiB`);

  // ---- what is known --------------------------------------------------------------------------

  let snapshots = [];
  let arrived = 0;
  let tasks = null;
  let chosen = null;
  let paused = false;
  const overruns = new Map();
  const bars = new Map();

  const latest = () => snapshots[snapshots.length - 1];
  const now = () => (latest() ? latest().now_ms + (performance.now() - arrived) : 0);
  const label = (it) => it.name || it.rt_name || `executor ${it.rt}`;
  const who = (it) => it.task_name || it.name || `task ${it.task || it.id}`;
  const picked = (list) => list.filter((it) => !$("executor").value || it.rt === $("executor").value);
  const executors = () => (latest() ? picked(latest().executors) : []);
  const key = (overrun) => `${overrun.rt}:${overrun.poll}`;
  const newest = () => picked([...overruns.values()]).sort((a, b) => b.at_ms - a.at_ms);
  // What was seen to run may have ended without a report of its own.
  const runs = (it) => !it.ended && latest().executors.some((each) => each.rt === it.rt && each.running && each.running.task === it.task);
  const soFar = (it) => (it.ended ? "" : runs(it) ? " so far" : " or more");
  const kind = (overrun) => (overrun.starved ? "starved" : overrun.state || "unknown");
  const KINDS = { running: "computing", blocked: "blocked in the kernel", unknown: "not looked at", starved: "waited for a processor" };
  const coarse = (ms) => { const s = Math.max(0, (now() - ms) / 1000); return s < 120 ? `${Math.floor(s)} s ago` : `${Math.floor(s / 60)} min ago`; };

  // An executor a while ago, and what has changed since.
  function since(executor) {
    for (const snapshot of snapshots) {
      const before = snapshot.executors.find((it) => it.rt === executor.rt);
      if (before && before !== executor) return { before, seconds: (executor.uptime_ns - before.uptime_ns) / 1e9 };
    }
    return null;
  }
  function perSecond(field) {
    return executors().reduce((sum, executor) => {
      const past = since(executor);
      return past && past.seconds > 0 ? sum + Math.max(0, executor[field] - past.before[field]) / past.seconds : sum;
    }, 0);
  }
  const total = (field) => executors().reduce((sum, executor) => sum + executor[field], 0);

  // ---- 1: the timeline ------------------------------------------------------------------------

  function drawTimeline() {
    const place = $("lanes");
    const width = Math.max(240, place.clientWidth);
    const end = now();
    const begin = end - WINDOW_S * 1000;
    const x = (ms) => Math.max(0, Math.min(width, (width * (ms - begin)) / (WINDOW_S * 1000)));
    const seen = newest().filter((it) => it.at_ms > begin).slice(0, 300);
    const lanes = new Map(executors().map((it) => [it.rt, label(it)]));
    for (const it of seen) if (!lanes.has(it.rt)) lanes.set(it.rt, `${label(it)} (ended)`);
    const ROW = 56;
    const height = lanes.size * ROW + 22;
    let root = place.querySelector("svg");
    if (!root) {
      root = svg("svg", { role: "group" }, svg("g", { class: "back", "aria-hidden": "true" }), svg("g", { class: "bars" }));
      root.addEventListener("keydown", move);
      place.replaceChildren(root);
    }
    root.setAttribute("height", height);
    root.setAttribute("aria-label", `Polls over the slice in the last ${WINDOW_S} s: ${seen.length}`);
    const back = root.querySelector(".back");
    back.replaceChildren();
    const rows = new Map();
    for (const [rt, name] of lanes) {
      const y = rows.size * ROW;
      rows.set(rt, y);
      const executor = executors().find((it) => it.rt === rt);
      const slice = executor ? `, slice ${duration(executor.budget_ns)}` : "";
      back.append(svg("text", { class: "name", x: 0, y: y + 14, text: `${name}${slice}` }));
      back.append(svg("rect", { class: "lane", x: 0, y: y + 20, width, height: 30 }));
    }
    const step = width < 500 ? 20 : 10;
    for (let s = 0; s <= WINDOW_S; s += step) {
      const at = x(end - s * 1000);
      back.append(svg("line", { class: "grid", x1: at, x2: at, y1: 18, y2: height - 20 }));
      back.append(svg("text", { x: at, y: height - 4, "text-anchor": s === 0 ? "end" : s === WINDOW_S ? "start" : "middle", text: s ? `−${s} s` : "now" }));
    }
    const group = root.querySelector(".bars");
    const order = seen.slice().reverse();
    const wanted = new Set(order.map(key));
    for (const [name, bar] of bars) if (!wanted.has(name)) { bar.remove(); bars.delete(name); }
    for (const it of order) {
      const name = key(it);
      let bar = bars.get(name);
      if (!bar) {
        bar = svg("g", { role: "button", tabindex: "-1" }, svg("title", {}), svg("rect", { class: "reach" }), svg("rect", { class: "mark", rx: 1 }));
        bar.dataset.key = name;
        bar.addEventListener("click", () => choose(name));
        bar.addEventListener("focus", () => rove(bar));
        bars.set(name, bar);
        group.append(bar);
      }
      const left = x(it.at_ms - it.elapsed_ns / 1e6);
      const right = x(runs(it) ? end : it.at_ms);
      const wide = Math.max(5, right - left);
      const y = rows.get(it.rt) + 20;
      const text = `${who(it)}: ${duration(it.elapsed_ns)}${soFar(it)}, ${KINDS[kind(it)]}, spawned at ${it.site}, ${coarse(it.at_ms)}`;
      bar.setAttribute("class", `bar ${kind(it)}${name === chosen ? " chosen" : ""}`);
      bar.setAttribute("aria-label", text);
      bar.querySelector("title").textContent = text;
      const [reach, mark] = bar.querySelectorAll("rect");
      for (const [rect, more, top, tall] of [[reach, 6, 20, 30], [mark, 0, 22, 26]]) {
        rect.setAttribute("x", left - more);
        rect.setAttribute("width", wide + 2 * more);
        rect.setAttribute("y", y - 20 + top);
        rect.setAttribute("height", tall);
      }
    }
    if (!group.querySelector('[tabindex="0"]') && group.lastElementChild) group.lastElementChild.setAttribute("tabindex", "0");
    let note = place.querySelector("p");
    if (!seen.length && !note) place.append(html("p", { class: "note", text: "None in the last 60 s: no task has held its core for longer than its slice." }));
    if (seen.length && note) note.remove();
  }

  // One bar can be reached by Tab; the arrow keys go from there.
  function rove(bar) {
    for (const each of bars.values()) each.setAttribute("tabindex", each === bar ? "0" : "-1");
  }
  function move(event) {
    const bar = event.target.closest(".bar");
    if (!bar) return;
    const all = [...bars.values()].map((it) => [Number(it.querySelector(".mark").getAttribute("x")), it]).sort((a, b) => a[0] - b[0]).map((it) => it[1]);
    const at = all.indexOf(bar);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(bar.dataset.key);
    else if (to === undefined) return;
    else if (all[to]) all[to].focus();
    event.preventDefault();
  }

  function choose(name) {
    chosen = name;
    drawDetails();
    drawTimeline();
  }
  const chooser = (overrun, text) => html("button", { type: "button", class: "link", "data-key": key(overrun), click: () => { choose(key(overrun)); $("details").scrollIntoView({ block: "nearest" }); } }, ...parts(text));

  function drawDetails() {
    const it = overruns.get(chosen);
    if (!it) return;
    const stack = it.stack.length
      ? html("ol", { "aria-label": "Stack, innermost first" }, ...it.stack.map((frame) => html("li", {}, ...parts(frame))))
      : html("p", { class: "note", text: "No stack: it takes the feature stall-stack, stall_stack = true, and a program that is built with frame pointers (RUSTFLAGS=-Cforce-frame-pointers=yes)." });
    show("details",
      html("h3", { text: `${who(it)}: ${duration(it.elapsed_ns)}${soFar(it)}` }),
      it.hint ? html("p", { class: "notice", text: it.hint }) : "",
      facts([
        ["Task", `${it.task_name ? `${it.task_name}, ` : ""}number ${it.task}`],
        ["Spawned at", it.site],
        ["Executor", label(it)],
        ["Took", `${duration(it.elapsed_ns)}${soFar(it)}, of a slice of ${duration(it.budget_ns)}`],
        ["On a processor", it.cpu_ns === undefined ? null : duration(it.cpu_ns)],
        ["When seen", KINDS[kind(it)] + (it.syscall ? `, in ${it.syscall}` : "")],
        ["Victims", `${count(it.victims, "ready task")} had to wait${it.max_victim_delay_ns === undefined ? "" : `, the first of them for ${duration(it.max_victim_delay_ns)}`}`],
      ]),
      html("h3", { text: "Stack" }), stack);
  }

  // ---- 2 and the list -------------------------------------------------------------------------

  function drawLists() {
    show("latest", table("The latest polls over the slice", [
      ["Task", (it) => chooser(it, who(it))],
      ["Executor", label],
      ["Spawned at", (it) => it.site],
      ["Took", (it) => `${duration(it.elapsed_ns)}${soFar(it)}`, true],
      ["When seen", (it) => KINDS[kind(it)] + (it.syscall ? ` (${it.syscall})` : "")],
      ["Waited", (it) => count(it.victims, "task"), true],
      ["Ended", (it) => (runs(it) ? "still runs" : coarse(it.at_ms)), true],
    ], newest().slice(0, 8), "None so far."));
    const sites = new Map();
    for (const it of newest()) {
      if (it.starved) continue;
      const site = sites.get(it.site) || { site: it.site, first: it, times: 0, sum: 0, most: 0, victims: 0 };
      site.times += 1;
      site.sum += it.elapsed_ns;
      site.victims += it.victims;
      site.most = Math.max(site.most, it.elapsed_ns);
      sites.set(it.site, site);
    }
    const worst = [...sites.values()].sort((a, b) => b.sum - a.sum).slice(0, 10);
    show("offenders", table("Spawn sites by the time of their long polls", [
      ["Spawned at", (it) => chooser(it.first, it.site)],
      ["Task", (it) => who(it.first)],
      ["Overruns", (it) => count(it.times, "poll"), true],
      ["Together", (it) => duration(it.sum), true],
      ["Longest", (it) => duration(it.most), true],
      ["Waited", (it) => count(it.victims, "task"), true],
    ], worst, "None so far."));
  }

  // ---- 3, 4, 7: histograms --------------------------------------------------------------------

  function merged(field) {
    const sum = new Map();
    for (const executor of executors()) for (const [bound, number] of executor[field].buckets) sum.set(bound, (sum.get(bound) || 0) + number);
    return [...sum].sort((a, b) => a[0] - b[0]);
  }
  function quantile(buckets, all, q, max) {
    let left = Math.max(1, Math.ceil(all * q));
    for (const [bound, number] of buckets) if ((left -= number) <= 0) return Math.min(bound, max);
    return max;
  }
  function drawHistogram(id, what, limit) {
    const buckets = merged(id);
    const all = buckets.reduce((sum, bucket) => sum + bucket[1], 0);
    if (!all) return show(id, html("p", { class: "note", text: "Nothing measured so far." }));
    const max = Math.max(...executors().map((it) => it[id].max_ns));
    const powers = new Map();
    for (const [bound, number] of buckets) {
      const power = Math.ceil(Math.log2(bound));
      powers.set(power, (powers.get(power) || 0) + number);
    }
    const first = Math.min(...powers.keys());
    const last = Math.max(first + 7, ...powers.keys());
    const columns = last - first + 1;
    const width = Math.max(200, $(id).clientWidth);
    const each = width / columns;
    const top = Math.log2(1 + Math.max(...powers.values()));
    const chart = svg("svg", { role: "img", height: 118, "aria-label": `${what}: ${["p50", "p99", "p99.9"].map((name, at) => `${name} ${duration(quantile(buckets, all, [0.5, 0.99, 0.999][at], max))}`).join(", ")}` });
    chart.append(svg("line", { class: "grid", x1: 0, x2: width, y1: 100, y2: 100 }));
    const every = Math.ceil(columns / Math.max(2, Math.floor(width / 64)));
    for (let at = 0; at < columns; at += 1) {
      const number = powers.get(first + at) || 0;
      const upper = 2 ** (first + at);
      if (number) {
        const tall = Math.max(2, (96 * Math.log2(1 + number)) / top);
        chart.append(svg("rect", { class: limit && upper / 2 >= limit ? "running" : "tasks", x: at * each + 1, y: 100 - tall, width: Math.max(1, each - 2), height: tall },
          svg("title", { text: `${duration(upper / 2)} to ${duration(upper)}: ${whole(number)}` })));
      }
      if (at % every === 0 && at * each + 44 <= width) chart.append(svg("text", { x: at * each, y: 115, text: duration(upper / 2) }));
    }
    show(id, chart, facts([
      ["p50", duration(quantile(buckets, all, 0.5, max))],
      ["p99", duration(quantile(buckets, all, 0.99, max))],
      ["p99.9", duration(quantile(buckets, all, 0.999, max))],
      ["Longest", duration(max)],
      ["Measured", count(all, what)],
    ]), html("p", { class: "note", text: "Since the start; heights are logarithmic." }));
  }

  // ---- 5: the loop ----------------------------------------------------------------------------

  function drawLoop() {
    const rows = executors().map((executor) => {
      const past = since(executor);
      if (!past || past.seconds <= 0) return html("p", { class: "note", text: `${label(executor)}: measuring…` });
      const wall = past.seconds * 1e9;
      const busy = (it) => it.task_time_ns + (it.running ? it.running.elapsed_ns : 0);
      const inTasks = Math.min(1, Math.max(0, busy(executor) - busy(past.before)) / wall);
      const known = executor.cpu_time_ns !== undefined && past.before.cpu_time_ns !== undefined;
      const inKernel = known ? Math.min(1 - inTasks, Math.max(0, (executor.cpu_time_ns - past.before.cpu_time_ns) / wall - inTasks)) : 0;
      const idle = Math.max(0, 1 - inTasks - inKernel);
      const text = known ? `tasks ${percent(inTasks)}, kernel ${percent(inKernel)}, idle ${percent(idle)}` : `tasks ${percent(inTasks)}, kernel or idle ${percent(idle)}`;
      const width = Math.max(200, $("loop").clientWidth);
      const bar = svg("svg", { role: "img", height: 18, "aria-label": `${label(executor)}: ${text}` });
      let x = 0;
      for (const [name, part] of [["tasks", inTasks], ["kernel", inKernel], ["idle", idle]]) {
        if (part > 0) bar.append(svg("rect", { class: name, x, y: 0, width: Math.max(1, part * width - 1), height: 18 }));
        x += part * width;
      }
      return html("div", {}, html("h3", { text: label(executor) }), bar, html("p", { text }));
    });
    show("loop", html("p", { class: "legend" }, ...["tasks", "kernel", "idle"].map((name) => html("span", {}, html("i", { class: `key ${name}` }), name))),
      ...rows, html("p", { class: "note", text: `Of the last ${RATE_SNAPSHOTS - 1} s. Tasks: in polls, on a processor or blocked. Kernel: at work outside of polls.` }));
  }

  // ---- 6, 9, 10 -------------------------------------------------------------------------------

  function drawRing() {
    const enters = perSecond("enters");
    const depths = [...new Set(executors().map((it) => it.ring_depth))].join(" or ");
    show("ring", facts([
      ["Submission queue used", `${enters ? (perSecond("submissions") / enters).toFixed(1) : "0.0"} of ${depths} entries a call`],
      ["Submitted", rate(perSecond("submissions"), "entries")],
      ["Completed", rate(perSecond("completions"), "entries")],
      ["Calls into the kernel", rate(enters, "calls")],
      ["In flight", count(total("in_flight"), "operation")],
      ["Submission queue full", count(total("sq_full"), "time")],
      ["Completions overflowed", count(total("overflows"), "time")],
      ["Kernel busy", count(total("busy"), "time")],
    ]));
    show("timers", facts([
      ["Timers set", count(total("timers"), "timer")],
      ["Timers fired", rate(perSecond("timers_fired"), "timers")],
      ["Wakes from other threads", rate(perSecond("remote_wakes"), "wakes")],
      ["… in all", count(total("remote_wakes"), "wake")],
      ["Polls", rate(perSecond("polls"), "polls")],
      ["Spawned", rate(perSecond("spawned"), "tasks")],
      ["Alive", count(total("live"), "task")],
      ["Ready", count(total("ready"), "task")],
      ["Overruns", count(total("overruns"), "poll")],
    ]));
    show("config", table("Executors", [
      ["Executor", label],
      ["Number", (it) => it.rt, true],
      ["Thread", (it) => `${it.thread}`, true],
      ["Started on processor", (it) => `${it.cpu}`, true],
      ["Slice", (it) => duration(it.budget_ns), true],
      ["Ring depth", (it) => count(it.ring_depth, "entry", "entries"), true],
      ["Ring flags", (it) => it.ring_flags.split("|").join(" | ") || "none"],
      ["Kernel", (it) => it.kernel],
      ["Up for", (it) => duration(Math.floor(it.uptime_ns / 1e9) * 1e9), true],
    ], executors(), "No executor runs."));
  }

  // ---- 8, and the operations ------------------------------------------------------------------

  function state(task) {
    if (task.state === "operation") return `waits for ${task.operation.name}${task.operation.fd === undefined ? "" : ` on descriptor ${task.operation.fd}`}`;
    if (task.state === "timer") return `waits for a timer, due in ${duration(task.due_ns)}`;
    return { running: "runs", ready: "ready to run", waiting: "waits for another task or thread" }[task.state] || task.state;
  }

  function drawTasks() {
    if (!tasks) return;
    const all = picked(tasks.executors);
    const text = $("filter").value.toLowerCase();
    const order = $("order").value;
    const rows = all.flatMap((executor) => (executor.tasks || []).map((task) => ({ ...task, of: executor })))
      .filter((it) => !text || `${it.name || ""} ${it.site}`.toLowerCase().includes(text))
      .sort((a, b) => b[order] - a[order]);
    const live = all.reduce((sum, it) => sum + (it.live || 0), 0);
    show("stuck", ...all.filter((it) => it.stuck).map((it) => {
      const poll = it.running;
      const stack = it.overrun && it.overrun.stack.length ? `, in ${it.overrun.stack[0]}` : "";
      const what = poll ? `is stuck: ${who(poll)}, spawned at ${poll.site}, has been running for ${duration(poll.elapsed_ns)}${stack}` : "does not answer";
      const old = it.age_ns === undefined ? "It has not told its tasks yet." : `What is below is ${duration(it.age_ns)} old.`;
      return html("p", { class: "notice", text: `${label(it)} ${what}. ${old}` });
    }));
    show("tasks", html("p", { class: "note", text: `${whole(Math.min(rows.length, ROWS))} of ${count(live, "task")}.` }), table("Tasks", [
      ["Task", (it) => it.name || `task ${it.id}`],
      ["Executor", (it) => label(it.of)],
      ["Spawned at", (it) => it.site],
      ["State", state],
      ["Polls", (it) => count(it.polls, "poll"), true],
      ["Busy", (it) => duration(it.busy_ns), true],
      ["Longest poll", (it) => duration(it.max_poll_ns), true],
      ["Age", (it) => duration(it.age_ns), true],
    ], rows.slice(0, ROWS), "No task."));
    const kinds = new Map();
    for (const executor of all) for (const it of executor.in_flight || []) kinds.set(it.name, (kinds.get(it.name) || 0) + it.count);
    show("operations", table("Operations in flight by kind", [
      ["Operation", (it) => it[0]],
      ["In flight", (it) => count(it[1], "operation"), true],
    ], [...kinds].sort((a, b) => b[1] - a[1]), "None."));
    const names = new Map(all.flatMap((executor) => (executor.tasks || []).map((task) => [task.id, who(task)])));
    const longest = all.flatMap((executor) => executor.operations || []).filter((it) => it.age_ns !== undefined).sort((a, b) => b.age_ns - a.age_ns).slice(0, 6);
    show("longest", table("Operations that are in flight the longest", [
      ["Operation", (it) => `${it.name}${it.fd === undefined ? "" : `, descriptor ${it.fd}`}${it.len ? `, ${bytes(it.len)}` : ""}`],
      ["Of", (it) => names.get(it.task) || (it.task ? `task ${it.task}` : "the runtime")],
      ["For", (it) => duration(it.age_ns), true],
    ], longest, "None that was submitted while somebody looked."));
  }

  // ---- all ------------------------------------------------------------------------------------

  function draw() {
    if (paused || document.hidden || !latest()) return;
    const first = latest().executors[0];
    const program = latest().program || "";
    $("program").title = program;
    $("program").textContent = `${program.split("/").pop()}, process ${latest().pid}, io2 ${latest().version}${first ? `, Linux ${first.kernel}` : ""}`;
    drawTimeline();
    drawDetails();
    drawLists();
    const slices = executors().map((it) => it.budget_ns);
    drawHistogram("poll_time", "poll", slices.length ? Math.min(...slices) : 0);
    drawHistogram("wake_delay", "wake", 0);
    drawHistogram("latency", "operation", 0);
    drawLoop();
    drawRing();
  }

  // Overruns may come by the hundred: they are drawn together, and not while nobody looks.
  let drawing = false;
  function drawSoon() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => { drawing = false; draw(); });
  }

  function listExecutors() {
    const select = $("executor");
    const wanted = latest().executors.map((it) => [it.rt, label(it)]);
    const present = [...select.options].slice(1).map((it) => [it.value, it.textContent]);
    if (JSON.stringify(wanted) === JSON.stringify(present)) return;
    const value = select.value;
    select.replaceChildren(html("option", { value: "", text: "all" }), ...wanted.map(([rt, name]) => html("option", { value: rt, text: name })));
    select.value = wanted.some(([rt]) => rt === value) ? value : "";
  }

  function say(kind, text) {
    const status = $("status");
    if (status.textContent !== text) status.textContent = text;
    status.className = `status ${kind}`;
    document.body.classList.toggle("old", kind === "lost");
  }

  let source = null;
  let opened = 0;
  function open() {
    if (source) source.close();
    opened = performance.now();
    source = new EventSource(address("events"));
    source.addEventListener("snapshot", (event) => {
      const snapshot = JSON.parse(event.data);
      // Another process under the same address: what is known is of the one before.
      if (latest() && latest().pid !== snapshot.pid) { snapshots = []; overruns.clear(); tasks = null; chosen = null; }
      snapshots.push(snapshot);
      snapshots = snapshots.slice(-RATE_SNAPSHOTS);
      arrived = performance.now();
      say("live", paused ? "Connected, paused" : "Live");
      listExecutors();
      draw();
    });
    source.addEventListener("overrun", (event) => {
      const overrun = JSON.parse(event.data);
      overruns.delete(key(overrun));
      overruns.set(key(overrun), overrun);
      while (overruns.size > KEPT) overruns.delete(overruns.keys().next().value);
      drawSoon();
    });
  }

  let refused = false;
  async function check() {
    if (document.hidden) return;
    const quiet = performance.now() - Math.max(arrived, opened);
    if (quiet > 3000) {
      const old = latest() ? ` What is shown is ${Math.round((performance.now() - arrived) / 1000)} s old.` : "";
      say("lost", refused ? `Refused: the program has perhaps started anew, at an address with another token.${old}` : `Connection lost: the program has ended, or does not answer.${old}`);
      if (source.readyState === EventSource.CLOSED || quiet > 10000) open();
    }
  }

  async function askTasks() {
    try {
      if (!document.hidden && !paused) {
        const response = await fetch(address("tasks"), { cache: "no-store", signal: AbortSignal.timeout(10000) });
        refused = response.status === 403;
        if (response.ok) { tasks = await response.json(); drawTasks(); }
      }
    } catch (error) {
      // The connection is lost, which `check` says.
    }
    const many = tasks && tasks.executors.some((it) => it.live > 2000);
    setTimeout(askTasks, many ? 10000 : 2000);
  }

  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    draw();
  });
  $("executor").addEventListener("change", () => { draw(); drawTasks(); });
  $("filter").addEventListener("input", drawTasks);
  $("order").addEventListener("change", drawTasks);
  // A browser has six connections to a program: those that nobody sees leave them to the others.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (source) source.close(); return; }
    open();
    draw();
  });
  window.addEventListener("resize", draw);
  setInterval(check, 1000);
  if (!document.hidden) open();
  askTasks();
})();
