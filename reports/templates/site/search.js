"use strict";
// All text here is a stranger's: it becomes text nodes, never markup.
(() => {
  const form = document.getElementById("find");
  const found = document.getElementById("found");
  const said = document.getElementById("said");
  const FIELDS = ["text", "class", "state", "kernel", "host", "culprit"];
  const STEP = { problems: 20, crashes: 100 };
  const problems = new Map();
  const crashes = [];
  let shown = { ...STEP };
  let loading = null;

  // -- data: scripts that call these, so that a page from a disk may load them --------------------
  window.vmtriageProblems = (rows) => {
    for (const [id, title, kind, severity, states, , last] of rows) {
      problems.set(id, { id, title, class: kind, severity, states, last });
    }
  };
  window.vmtriageCrashes = (rows) => {
    for (const r of rows) {
      const [dump, problem, host, when, , kernel, kind, severity, stage, title, sort, name, application, module, paths] = r;
      const named = application ? ["application", application] : name ? [sort, name] : null;
      crashes.push({
        dump, problem, host, when, kernel, class: kind, severity, stage, title,
        named, paths: paths || [], culprit: [application, name].join("\n").toLowerCase(),
        text: [title, host, kernel, application, name, module, dump, problem].join("\n").toLowerCase(),
      });
    }
  };

  function load() {
    const one = (path) => new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = path;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
    loading = loading || Promise.all(form.dataset.shards.trim().split(/\s+/).map(one)).then(() => {
      crashes.sort((a, b) => (a.when < b.when ? 1 : a.when > b.when ? -1 : 0));
    });
    return loading;
  }

  // -- which ----------------------------------------------------------------------------------------
  function asked() {
    const wanted = {};
    for (const name of FIELDS) {
      const value = form.elements[name].value.trim();
      if (value) wanted[name] = value;
    }
    return wanted;
  }

  function fits(wanted) {
    const words = (wanted.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    const [kernel, host, culprit] = ["kernel", "host", "culprit"].map((name) => (wanted[name] || "").toLowerCase());
    return (each) =>
      (!wanted.class || each.class === wanted.class) &&
      (!kernel || each.kernel.toLowerCase().includes(kernel)) &&
      (!host || each.host.toLowerCase().includes(host)) &&
      (!culprit || each.culprit.includes(culprit)) &&
      (!wanted.state || ((problems.get(each.problem) || {}).states || []).includes(wanted.state)) &&
      words.every((word) => each.text.includes(word));
  }

  // -- drawing ----------------------------------------------------------------------------------------
  const visible = (text) => text.replace(/[\p{C}\p{Z}]/gu, (char) => {
    const code = char.codePointAt(0);
    if (char === " ") return char;
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
  });

  function make(tag, settings, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(settings || {})) made.setAttribute(name, value);
    made.append(...children.map((each) => (typeof each === "string" ? visible(each) : each)));
    return made;
  }
  const link = (path, text) => make("a", { href: path + "/index.html" }, text || "(no name)");
  const code = (text) => make("code", {}, ...text.split(/(?<=[/_])/).flatMap((each) => [each, document.createElement("wbr")]));
  const time = (when) => make("time", { datetime: when }, when.slice(0, 16).replace("T", " "));
  const number = (count) => count.toLocaleString("en-US");
  const count = (many, one, more) => number(many) + " " + (many === 1 ? one : more);

  function table(heads, rows) {
    const head = heads.map(([text, style]) => make("th", { scope: "col", class: style || "" }, text));
    return make("div", { class: "scroll" }, make("table", { class: "list" },
      make("thead", {}, make("tr", {}, ...head)),
      make("tbody", {}, ...rows.map((cells) =>
        make("tr", {}, ...cells.map((cell, at) => make("td", { class: heads[at][1] || "", "data-l": heads[at][2] || "" }, cell)))))));
  }

  function part(into, title, heads, all, which, cells) {
    const rows = all.slice(0, shown[which]).map(cells);
    const made = [make("h3", {}, title), table(heads, rows)];
    if (all.length > rows.length) {
      const more = make("button", { type: "button" }, number(all.length - rows.length) + " more");
      more.addEventListener("click", () => { shown[which] += STEP[which] * 5; draw(); });
      made.push(more);
    }
    document.getElementById(into).replaceChildren(...(rows.length ? made : []));
  }

  function draw() {
    const wanted = asked();
    const searching = Object.keys(wanted).length > 0;
    found.hidden = !searching;
    for (const each of document.querySelectorAll(".static")) each.hidden = searching;
    if (!searching) return;
    const hits = crashes.filter(fits(wanted));
    const grouped = new Map();
    for (const each of hits) {
      const group = grouped.get(each.problem) || { of: each, count: 0, hosts: new Set() };
      group.count += 1;
      group.hosts.add(each.host);
      grouped.set(each.problem, group);
    }
    const hosts = new Set(hits.map((each) => each.host));
    said.textContent = hits.length
      ? [count(hits.length, "crash", "crashes"), "of", count(grouped.size, "problem", "problems"),
        "on", count(hosts.size, "host", "hosts")].join(" ")
      : "Nothing fits.";
    const path = (each, at, name) => each.paths[at] || name;
    const problemLink = (each) =>
      link("p/" + path(each, 1, each.problem), (problems.get(each.problem) || each).title);
    part("found-problems", "Problems", [["Problem", "whole"], ["State", "wide"], ["Crashes found", "num", " found"], ["On hosts", "num", " hosts"], ["Last (UTC)", "time"]],
      [...grouped.values()], "problems", (group) => [
        problemLink(group.of), ((problems.get(group.of.problem) || {}).states || []).join(", "),
        number(group.count), number(group.hosts.size), time(group.of.when)]);
    part("found-crashes", "Crashes", [["When (UTC)", "time"], ["Host", "host"], ["Problem"], ["Kernel", "wide"], ["Culprit", "wide by"], ["Report", "nowrap"]],
      hits, "crashes", (each) => [
        time(each.when), link("h/" + path(each, 2, each.host), each.host), problemLink(each), code(each.kernel),
        each.named ? link("c/" + path(each, 3, each.named.join("/")), code(each.named[1])) : "nobody",
        link("d/" + path(each, 0, each.dump), "report")]);
  }

  // -- asking: the question is in the address, so that it can be sent to somebody -----------------------
  let waiting = 0;
  function ask() {
    const wanted = asked();
    shown = { ...STEP };
    const query = new URLSearchParams(wanted).toString();
    history.replaceState(null, "", query ? "#" + query : location.pathname + location.search);
    if (!query) return draw();
    found.hidden = false;
    if (!loading) said.textContent = "Loading…";
    return load().then(draw, () => {
      said.textContent = "A file below data/ is missing or damaged: the site is to be written anew.";
    });
  }
  function read() {
    const query = new URLSearchParams(location.hash.slice(1));
    for (const name of FIELDS) form.elements[name].value = query.get(name) || "";
    if (!FIELDS.some((name) => query.get(name))) return draw();
    document.getElementById("search").scrollIntoView();
    return ask();
  }
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("reset", () => setTimeout(ask, 0));
  form.addEventListener("focusin", load, { once: true });
  window.addEventListener("hashchange", read);
  form.hidden = false;
  read();
})();
