"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const given = new URLSearchParams(location.search);
  const token = given.get("token");
  const POLL = 2500, ALL = 24, SOME = 5;  // Numbers that stand for all, as the server has it.
  let runs = [], run, state, drawing = false, again = false, picture = -1;

  // -- small helpers --------------------------------------------------------------------------

  const make = (tag, props = {}, ...inside) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...inside);
    return node;
  };
  const call = (place, accept) => {
    const headers = { Accept: accept };
    if (token) headers.Authorization = `Bearer ${token}`;
    return fetch(place, { headers });
  };
  const trouble = (text) => {
    $("trouble").textContent = text;
    $("trouble").hidden = !text;
  };
  // What was asked for, or null after the sentence of the server was shown.
  const answer = async (place, accept) => {
    let response;
    try {
      response = await call(place, accept);
    } catch {
      trouble(state && state.view === "training"
        ? "The server does not answer any more. One that `seqgen train --view` started ends with the training; `seqgen serve` shows the run."
        : "The server does not answer. Is it still running?");
      return null;
    }
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    trouble(said.detail || `The server answered ${response.status}.`);
    return null;
  };
  const whole = (number) => number.toLocaleString("en", { maximumFractionDigits: 0 });
  const written = (value) => {
    const size = Math.abs(value);
    if (size >= 1000) return whole(value);
    return size > 0 && size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  };
  const lasted = (seconds) =>
    seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  const has = (option) => run.options.includes(option);

  // -- what is asked for ----------------------------------------------------------------------

  const KNOBS = [
    { key: "count", title: () => (state.view === "walk" ? "Walks" : "Samples of each label"), min: 1, max: 24, step: 1 },
    { key: "steps", title: () => "Steps of a walk", min: 2, max: 24, step: 1, usual: 10, walk: true },
    { key: "noise_scale", title: () => "Noise scale", min: 0, max: 2, step: 0.05, usual: 1, option: true },
    { key: "temperature", title: () => "Temperature", min: 0, max: 2, step: 0.05, usual: 1, option: true },
  ];
  const shown = (knob) => (knob.option ? has(knob.key) : !knob.walk || state.view === "walk");
  const usual = (knob) => (knob.key === "count" ? (state.view === "walk" ? 4 : run.shown) : knob.usual);
  const rows = () => run.labels.reduce((many, one) => many * (state.label[one.name] ? 1 : one.numeric ? Math.min(SOME, one.classes.length) : one.classes.length), 1);
  const most = (knob) => (knob.key === "count" && state.view !== "walk" ? Math.max(1, Math.min(knob.max, Math.floor(240 / rows()))) : knob.max);

  const named = (side) =>
    run.labels.length ? run.labels.map((one) => (run.labels.length > 1 ? `${one.name}=${side[one.name]}` : side[one.name])).join(",") : "any";
  const query = () => {
    const asked = new URLSearchParams({ run: run.name });
    if (state.view === "walk") asked.append("walk", `${named(state.from)}..${named(state.to)}`);
    else
      for (const { name } of run.labels)
        if (state.label[name]) asked.append("label", run.labels.length > 1 ? `${name}=${state.label[name]}` : state.label[name]);
    asked.append("seed", state.seed);
    for (const knob of KNOBS)
      if (shown(knob) && (!knob.option || state[knob.key] !== knob.usual)) asked.append(knob.key, Math.min(state[knob.key], most(knob)));
    if (state.view !== "walk" && rows() > 1) asked.append("same_noise", "true");
    return asked;
  };

  // The choice of a run to begin with, or what an address says of it.
  const begin = (from = new URLSearchParams()) => {
    const view = from.get("view") === "training" && run.training ? "training" : from.has("walk") && has("walk") ? "walk" : "samples";
    const seed = from.get("seed") || "";
    state = { view, label: {}, from: {}, to: {}, seed: /^\d{1,19}$/.test(seed) ? seed : state ? state.seed : "0" };
    const words = from.getAll("label"), ends = (from.get("walk") || "").split("..").map((end) => end.split(","));
    run.labels.forEach(({ name, classes, numeric }, place) => {
      const of = (said) => said.map((one) => (one.startsWith(`${name}=`) ? one.slice(name.length + 1) : run.labels.length > 1 ? "" : one))
        .find((one) => classes.includes(one) || (numeric && one !== "" && isFinite(one)));
      const first = place === 0 && classes.length <= ALL && !numeric ? "" : classes[0];
      const chosen = of(words);
      state.label[name] = chosen !== undefined ? chosen : from.has("seed") ? "" : first;
      state.from[name] = of(ends[0]) ?? classes[0];
      state.to[name] = of(ends[1] || []) ?? classes[Math.min(place === 0 ? 1 : 0, classes.length - 1)];
    });
    for (const knob of KNOBS) {
      const value = Number(from.get(knob.key));
      state[knob.key] = from.has(knob.key) && isFinite(value) ? value : usual(knob);
    }
  };

  // -- controls -------------------------------------------------------------------------------

  const radio = (group, value, text, checked, chosen) => {
    const input = make("input", { type: "radio", name: group, value, checked });
    input.addEventListener("change", () => chosen(value));
    return make("label", {}, input, make("span", { dir: "auto" }, text));
  };
  const choice = (value, classes, chosen, all) => {
    const list = make("select", {}, ...(all ? [make("option", { value: "" }, "All")] : []), ...classes.map((one) => make("option", { value: one }, one)));
    list.value = value;
    list.addEventListener("change", () => chosen(list.value));
    return list;
  };
  const number = (value, classes, chosen) => {
    const input = make("input", { type: "number", step: "any", value, min: classes[0], max: classes[classes.length - 1], placeholder: `${classes[0]} to ${classes[classes.length - 1]}` });
    input.addEventListener("change", () => chosen(input.value));
    return input;
  };

  function controls() {
    const views = [["samples", "Samples"], ...(has("walk") ? [["walk", "Walk"]] : []), ...(run.training ? [["training", "Training"]] : [])];
    $("views").hidden = views.length < 2;
    $("views").replaceChildren(
      $("views").firstElementChild,
      ...views.map(([value, text]) => radio("view", value, text, state.view === value, (view) => {
        state.view = view;
        state.count = usual(KNOBS[0]);
        refresh();
      })),
    );
    $("labels").replaceChildren(...(state.view === "samples" ? run.labels.map(labels) : []));
    $("walk").hidden = state.view !== "walk" || !run.labels.length;
    $("walk").replaceChildren(...(state.view === "walk" ? run.labels.flatMap(ends) : []));
    $("seeds").hidden = state.view === "training";
    $("seed").value = state.seed;
    $("knobs").replaceChildren(...(state.view === "training" ? [] : KNOBS.filter(shown).map(slider)));
    $("samples").hidden = $("foot").hidden = state.view === "training";
    $("training").hidden = state.view !== "training";
  }

  function labels({ name, classes, numeric }) {
    const chosen = (value) => { state.label[name] = value; limits(); draw(); };
    if (numeric || classes.length > ALL) {
      const control = numeric ? number(state.label[name], classes, chosen) : choice(state.label[name], classes, chosen, true);
      control.id = `label-${name}`;
      return make("div", { className: "knob" }, make("label", { htmlFor: control.id }, name), control);
    }
    const chips = ["", ...(classes.length > 1 ? classes : [])].map((one) => radio(`label-${name}`, one, one || "All", state.label[name] === one, chosen));
    return make("fieldset", {}, make("legend", {}, name), make("div", { className: "chips" }, ...chips));
  }

  const ends = ({ name, classes, numeric }) =>
    [["from", "From"], ["to", "To"]].map(([side, text]) => {
      const chosen = (value) => { state[side][name] = value; draw(); };
      const control = numeric ? number(state[side][name], classes, chosen) : choice(state[side][name], classes, chosen, false);
      control.id = `${side}-${name}`;
      return make("div", {}, make("label", { htmlFor: control.id }, run.labels.length > 1 ? `${text}: ${name}` : text), control);
    });

  function slider(knob) {
    const id = `knob-${knob.key}`;
    const input = make("input", { type: "range", id, min: knob.min, max: most(knob), step: knob.step });
    input.value = state[knob.key];
    const output = make("output", { htmlFor: id }, input.value);
    input.addEventListener("input", () => {
      state[knob.key] = Number(input.value);
      output.textContent = input.value;
      draw();
    });
    return make("div", { className: "knob" }, make("label", { htmlFor: id }, make("span", {}, knob.title()), output), input);
  }

  // A slider ends where a page has enough.
  function limits() {
    const input = $("knob-count");
    if (!input) return;
    input.max = most(KNOBS[0]);
    input.value = state.count;
    input.parentNode.querySelector("output").textContent = input.value;
  }

  // -- samples --------------------------------------------------------------------------------

  function address() {
    const asked = query();
    if (state.view === "training") asked.append("view", "training");
    if (token) asked.append("token", token);
    history.replaceState(null, "", `?${asked}`);
    document.title = `${run.name} · seqgan_kit`;
    const media = run.media.find((one) => !/json|html/.test(one)) || "application/json";
    const show = token ? " -H \"Authorization: Bearer $TOKEN\"" : "";
    $("shell").textContent = `curl -H 'Accept: ${media}'${show} -o samples.${ending(media)} '${new URL(`sample?${query()}`, location.href)}'`;
    $("moving").hidden = !run.training;
  }

  // One request at a time; what was turned meanwhile is asked for next.
  async function draw() {
    address();
    if (state.view === "training") return;
    if (drawing) { again = true; return; }
    drawing = true;
    do {
      again = false;
      $("samples").setAttribute("aria-busy", "true");
      const began = performance.now(), asked = query();
      const response = await answer(`sample?${asked}`, "text/html");
      if (response) {
        const html = await response.text();
        if (!again && asked.get("run") === run.name) {
          $("samples").innerHTML = html;
          trouble("");
          tell(asked, performance.now() - began);
        }
      }
    } while (again);
    $("samples").setAttribute("aria-busy", "false");
    drawing = false;
  }

  function tell(asked, milliseconds) {
    const count = Number(asked.get("count"));
    const what = asked.has("walk")
      ? `${count} ${count === 1 ? "walk" : "walks"} of ${asked.get("steps")}, from one draw of noise to another`
      : `${whole(count * rows())} ${count * rows() === 1 ? "sample" : "samples"}`;
    const same = asked.has("same_noise") ? "; every label has the same noise, so that only the label changes" : "";
    $("said").textContent = `${what}${same}. ${milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`}.`;
  }

  const ending = (media) => ({ "text/plain": "txt", "audio/midi": "mid" })[media] || media.split("/")[1].replace(/^x-/, "");

  function saves() {
    $("saves").replaceChildren(
      "Save as",
      ...run.media.filter((one) => one !== "text/html").map((media) => {
        const button = make("button", { type: "button" }, ending(media).toUpperCase());
        button.addEventListener("click", async () => {
          const response = await answer(`sample?${query()}`, media);
          if (!response) return;
          trouble("");
          const link = make("a", { href: URL.createObjectURL(await response.blob()), download: `${run.name}-${state.seed}.${ending(media)}` });
          link.click();
          setTimeout(() => URL.revokeObjectURL(link.href), 10000);
        });
        return button;
      }),
    );
  }

  // -- a training -----------------------------------------------------------------------------

  async function watch() {
    if (!run || state.view !== "training" || document.hidden) return;
    const name = run.name, response = await answer(`runs/${encodeURIComponent(name)}/training`, "application/json");
    if (!response || run.name !== name || state.view !== "training") return;
    const found = await response.json();
    trouble("");
    const share = found.progress === null ? 0 : Math.floor(100 * found.progress);
    $("track").hidden = found.progress === null;
    $("track").setAttribute("aria-valuenow", share);
    $("track").firstElementChild.style.width = `${share}%`;
    const over = found.progress === 1, quiet = found.quiet !== null && found.quiet > 120 && !over;
    $("state").textContent = found.quiet === null ? "Nothing was logged yet."
      : `${over ? "Finished, step" : "Step"} ${whole(found.step)}${over || found.progress === null ? "" : `, ${share} %`}, ${lasted(found.seconds)} of training${quiet ? `; silent for ${lasted(found.quiet)}` : ""}`;
    charts(found.curves);
    if (found.preview && found.preview.step !== picture) await preview(name, found.preview);
  }

  async function preview(name, { step, media }) {
    const response = await answer(`runs/${encodeURIComponent(name)}/preview`, "*/*");
    if (!response || run.name !== name) return;
    picture = step;
    const box = $("preview").lastElementChild;
    $("preview").firstElementChild.textContent = `Samples at step ${whole(step)}`;
    if (media.startsWith("image/")) {
      const source = URL.createObjectURL(await response.blob());
      const image = make("img", { src: source, alt: `samples drawn at step ${step}` });
      image.addEventListener("load", () => URL.revokeObjectURL(source));
      box.replaceChildren(image);
    } else if (media.startsWith("text/")) {
      const lines = (await response.text()).trimEnd().split("\n").map((line) => {
        const [under, ...text] = line.split("\t");
        return make("li", {}, make("span", { className: "line", dir: "auto" }, text.length ? text.join("\t") : under), ...(text.length ? [make("small", { className: "line", dir: "auto" }, under)] : []));
      });
      box.replaceChildren(make("ul", { className: "lines" }, ...lines));
    } else box.replaceChildren(`A file of ${media}, in the folder samples of the run.`);
    $("preview").hidden = false;
  }

  const svg = (tag, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  function charts(curves) {
    const W = 300, H = 96, LEFT = 44, BOTTOM = 16;
    $("charts").replaceChildren(...Object.entries(curves).map(([name, points]) => {
      const text = name.replaceAll("_", " ").replace("/", ": "), title = text.slice(0, 1).toUpperCase() + text.slice(1);
      const real = points.filter((point) => point[2] !== null);
      const values = real.map((point) => point[2]), right = points[points.length - 1][0];
      const last = values.length ? written(values[values.length - 1]) : "–";
      const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}: ${last} at step ${right}` });
      if (values.length) {
        let low = Math.min(...values), high = Math.max(...values);
        if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
        const X = (x) => LEFT + (x / Math.max(right, 1)) * (W - LEFT - 4), Y = (y) => 6 + (1 - (y - low) / (high - low)) * (H - BOTTOM - 10);
        for (const y of [low, high]) {
          picture.append(svg("line", { x1: LEFT, x2: W - 4, y1: Y(y), y2: Y(y) }));
          picture.append(svg("text", { x: LEFT - 6, y: Y(y) + 4, "text-anchor": "end" }, written(Number(y.toPrecision(3)))));
        }
        picture.append(svg("text", { x: W - 4, y: H - 1, "text-anchor": "end" }, whole(right)));
        let path = "", pen = "M";
        for (const [x, , y] of points) {
          if (y === null) { pen = "M"; continue; }
          path += `${pen}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`;
          pen = "L";
        }
        picture.append(svg("path", { d: real.length > 1 ? path : `${path}h2` }));
      }
      return make("figure", {}, make("figcaption", {}, make("span", {}, title), make("b", {}, last)), picture);
    }));
  }

  // -- together -------------------------------------------------------------------------------

  function refresh() {
    controls();
    draw();
    watch();
  }

  function choose(name, from) {
    run = runs.find((one) => one.name === name) || runs[0];
    $("run").value = run.name;
    $("about").textContent = `${run.kind} · ${run.data}`;
    $("samples").replaceChildren();
    $("charts").replaceChildren();
    $("preview").hidden = true;
    $("said").textContent = "";
    picture = -1;
    begin(from);
    saves();
    refresh();
  }

  const turn = (by) => {
    const next = BigInt(state.seed) + by;
    state.seed = String(next < 0n ? 0n : next);
    $("seed").value = state.seed;
    draw();
  };
  $("less").addEventListener("click", () => turn(-1n));
  $("more").addEventListener("click", () => turn(1n));
  $("dice").addEventListener("click", () => turn(BigInt(Math.floor(Math.random() * 1e6)) - BigInt(state.seed)));
  $("seed").addEventListener("input", () => {
    if (!/^\d{1,19}$/.test($("seed").value)) return;
    state.seed = $("seed").value;
    draw();
  });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("run").addEventListener("change", () => choose($("run").value));
  $("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href).then(() => { $("copy").textContent = "Copied"; }, () => { $("copy").textContent = "The address bar has it"; });
    setTimeout(() => { $("copy").textContent = "Copy the link"; }, 2000);
  });
  // One sound at a time.
  document.addEventListener("play", (event) => {
    for (const one of document.querySelectorAll("audio")) if (one !== event.target) one.pause();
  }, true);
  setInterval(watch, POLL);
  document.addEventListener("visibilitychange", watch);

  (async () => {
    const response = await answer("runs", "application/json");
    $("all").hidden = false;
    if (!response) { $("controls").hidden = $("foot").hidden = true; return; }
    runs = await response.json();
    const kinds = new Map();
    for (const one of runs) kinds.set(one.kind, [...(kinds.get(one.kind) || []), one.name]);
    for (const [kind, names] of kinds)
      $("run").append(make("optgroup", { label: kind }, ...names.map((name) => make("option", { value: name }, name))));
    choose(given.get("run"), given);
  })();
})();
