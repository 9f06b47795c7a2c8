// One payment, told from both sides, and the books.

const story = { id: null };

// What happened, in order: where it stands in the drawing, which way it went, and its words.
const eventsOf = (payment) => {
  const events = [];
  const add = (at, lane, way, text, tone) => {
    if (at !== null && at !== undefined && at <= hostNow()) events.push({ at, lane, way, text, tone });
  };
  requestsOf(payment).forEach((request) => {
    const name = operationText(request.operation);
    const asked = request.copy_of !== null ? t("copy", name) : request.answered_ms !== null && !request.heard ? t("unheard", name) : name;
    add(request.at_ms, "wire", "right", asked, !request.heard && request.answered_ms !== null ? "lost" : "");
    if (request.copy_of !== null || request.answered_ms === null) return;
    const said = request.code || t("emptyAnswer", request.status);
    if (request.delivery === "none" || request.delivery === "hang") {
      // It is known from the start, and true at the end.
      add(Math.max(request.answered_ms, request.at_ms + model.host.session_ms), "wire", "left", request.code ? t("lostAnswer", request.code, request.delivery) : t("neverAnswered"), "lost");
    } else if (!arrived(request)) {
      const why = request.client_gone ? t("shopGone") : request.delivery;
      add(request.answered_ms, "wire", "left", t("lostAnswer", said, why), "lost");
    } else {
      add(request.answered_ms, "wire", "left", said, request.code === "00" ? "good" : request.code ? "no" : "odd");
    }
  });
  const money = rupiah(payment.amount);
  if (isShown(payment)) add(payment.opened_ms, "customer", "right", t("shown"), "");
  if (payment.debited_ms !== null) {
    if (isShown(payment)) add(payment.debited_ms, "customer", "left", t("confirms"), "good");
    add(payment.debited_ms, "books", "", t("debited", money), "good");
  } else if (payment.ended_ms !== null && isShown(payment)) {
    if (payment.code === "17") add(payment.ended_ms, "customer", "left", t("declines"), "no");
    else if (!payment.code) add(Math.min(payment.ended_ms, payment.opened_ms + model.host.window_ms), "customer", "right", t("ranOut"), "no");
  }
  if (payment.debits) {
    add(payment.reversed_ms, "books", "", t("givenBack", money), "back");
    add(payment.voided_ms, "books", "", t("givenBack", money), "back");
  }
  const places = { wire: 0, customer: 1, books: 2 };
  const order = (event) => event.lane === "wire" && event.way === "left" ? 3 : places[event.lane];
  return events.sort((one, other) => one.at - other.at || order(one) - order(other));
};

// What the shop can know: the codes that reached it.
const toldToShop = (payment) => requestsOf(payment).filter((request) => arrived(request) && request.code);

const verdictOf = (payment) => {
  const told = toldToShop(payment);
  const success = told.some((request) => request.code === "00" && ["push_to_pay", "check_payment"].includes(request.operation));
  const undone = told.some((request) => (request.code === "00" && ["reversal", "void", "check_void"].includes(request.operation)) || request.code === "73");
  if (payment.state === "open") return ["waiting", t("waiting")];
  // Whoever heard that it went back tells nobody Paid, whatever a check said before or since.
  if (payment.net > 0 && undone) return ["warn", t("notBack")];
  if (payment.net > 0 && !success) return ["warn", t("unknowing")];
  if (payment.net === 0 && payment.debits > 0) return undone ? ["fine", t("settledBack")] : [success ? "warn" : "fine", t("backUnknown")];
  if (payment.net === 0 && success && !undone) return ["warn", t("wrongly")];
  return ["fine", t("agree")];
};

const LANES = { wire: { right: "toOvo", left: "toShop" }, customer: { right: "toCustomer", left: "fromCustomer" }, books: { "": "inBooks" } };

const storyOf = (payment, events) => {
  const told = toldToShop(payment);
  const last = told[told.length - 1];
  const [tone, verdict] = verdictOf(payment);
  return [
    el("p", { class: "story-head" }, el("strong", {}, payment.invoice), " ", el("span", { class: `badge ${payment.state}` }, t(`state_${payment.state}`))),
    el("p", { class: "quiet-text" }, `${rupiah(payment.amount)} · ${spoken(payment.phone)} · ${payment.batch_text}/${String(payment.reference).padStart(6, "0")}`),
    el("div", { class: "lanes", "aria-hidden": "true" }, el("span", {}, t("shop")), el("span", {}, t("ovo")), el("span", {}, t("customerLane"))),
    el("ol", { class: "sequence" }, ...events.map((event) => el("li", { class: `event ${event.lane} ${event.way} ${event.tone}` },
      el("span", { class: "when" }, `+${seconds(event.at - payment.opened_ms)}`),
      el("span", { class: "arrow" }, el("span", { class: "unseen" }, `${t(LANES[event.lane][event.way])}: `), el("span", { class: "words" }, event.text))))),
    el("dl", { class: "sides" },
      el("div", {}, el("dt", {}, t("verdictShop")), el("dd", {}, last ? t("toldCode", last.code, operationText(last.operation)) : t("toldNothing"))),
      el("div", {}, el("dt", {}, t("verdictOvo")), el("dd", {}, payment.net ? t("tookNet", rupiah(payment.net)) : t("tookNothing")))),
    el("p", { class: `verdict ${tone}` }, verdict),
  ];
};

const drawStory = () => {
  const payment = model.payments.get(story.id) || newestFirst(model.payments)[0];
  if (!payment || !model.host) {
    fill(byId("story-body"), [model.host?.command], () => [
      el("p", { class: "hint" }, t("noStory")),
      ...(model.host ? [el("p", { class: "hint" }, t("payCommand")), el("pre", { tabindex: "0" }, model.host.command)] : []),
    ]);
    return;
  }
  const events = eventsOf(payment);
  fill(byId("story-body"), [payment, events], () => storyOf(payment, events));
};

const drawBooks = () => {
  const rows = newestFirst(model.payments);
  fill(byId("rows"), [rows.map((row) => [row.id, row.state, row.net]), story.id], () => rows.length
    ? rows.map((row) => el("tr", { class: row.id === story.id ? "chosen" : "" },
      el("th", { scope: "row" }, el("button", { type: "button", class: "link", "data-keep": `row-${row.id}`, "aria-pressed": row.id === story.id ? "true" : "false",
        click: () => { story.id = row.id; drawBooks(); drawStory(); } }, row.invoice), el("span", { class: "under" }, spoken(row.phone))),
      el("td", { class: "number" }, rupiah(row.amount)),
      el("td", {}, el("span", { class: `badge ${row.state}` }, t(`state_${row.state}`))),
      el("td", { class: "number" }, row.net ? rupiah(row.net) : "–")))
    : [el("tr", {}, el("td", { colspan: "4", class: "hint" }, t("noPayments")))]);
  if (!model.host) return;
  const forgotten = model.host.forgotten.entries;
  byId("sum").textContent = t("sumLine", rows.length, rupiah(model.host.taken))
    + (forgotten ? ` · ${t("sumForgotten", forgotten)}` : "");
};
