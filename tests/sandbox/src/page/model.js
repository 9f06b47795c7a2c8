// What the sandbox has told, and what can be asked of it. Nothing here touches the page.

// The number that is decided on the page unless told otherwise; the sandbox always tells of it.
const YOU = "081200000200";
const MOST = 200;

const model = {
  payments: new Map(),
  requests: new Map(),
  customers: new Map(),
  host: null,
  heard: { hostMs: 0, here: 0 },
};

// OVO's time now, carried on from the last message.
const hostNow = () => {
  const { hostMs, here } = model.heard;
  return hostMs + (performance.now() - here) / (model.host ? model.host.scale : 1);
};

const keepNewest = (map) => {
  for (const key of map.keys()) {
    if (map.size <= MOST) break;
    map.delete(key);
  }
};

// Takes a message in; returns what is new in it.
const take = (news) => {
  if (news.fresh) {
    model.payments.clear();
    model.requests.clear();
    model.customers.clear();
  }
  if (news.host) model.host = news.host;
  model.heard = { hostMs: news.now_ms, here: performance.now() };
  const before = new Map(news.payments.map((payment) => [payment.id, model.payments.get(payment.id)]));
  news.payments.forEach((payment) => model.payments.set(payment.id, payment));
  news.requests.forEach((request) => model.requests.set(request.seq, request));
  news.customers.forEach((customer) => model.customers.set(customer.phone, customer));
  keepNewest(model.payments);
  keepNewest(model.requests);
  return { fresh: news.fresh, before };
};

const newestFirst = (map) => [...map.values()].reverse();

// A code that OVO answers by itself shows nothing to anybody.
const isShown = (payment) => {
  const decline = payment.behaviour && payment.behaviour.decline;
  return Boolean(payment.behaviour) && !(decline && decline.code !== "17");
};

const msLeft = (payment) => payment.opened_ms + model.host.window_ms - hostNow();

const isAsking = (payment) => payment.state === "open" && isShown(payment) && msLeft(payment) > 0;

const openPrompts = () => newestFirst(model.payments).filter(isAsking);

const isByHand = (payment) => Boolean(payment.behaviour && payment.behaviour.by_hand);

const requestsOf = (payment) => [...model.requests.values()].filter((request) =>
  request.invoice === payment.invoice
  && Number(request.batch) === payment.batch
  && Number(request.reference) === payment.reference);

// Whether an answer reached the shop as it was made.
const arrived = (request) => request.answered_ms !== null && request.answered_ms <= hostNow()
  && ["plain", "chunked", "twice", "then_close", "then_reset"].includes(request.delivery)
  && !request.client_gone && request.copy_of === null;

const describe = (behaviour) => {
  const [kind, details] = Object.entries(behaviour)[0];
  const code = details.code;
  const named = kind === "decline" && code === "17" ? "manner_cancel"
    : kind === "decline" && code === "26" ? "manner_unreachable"
    : kind === "decline" && code === "14" ? "manner_unregistered"
    : `manner_${kind}`;
  const text = kind === "decline" && named === "manner_decline" ? code : t(named);
  if (!("after_ms" in details)) return text;
  const when = details.after_ms === 0 ? t("atOnce") : t("afterS", details.after_ms / 1000);
  return `${text}, ${when}`;
};

// A browser opens six connections to one address, and a seventh request waits for ever.
const PATIENCE_MS = 5000;

const ask = async (method, path, body) => {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const answer = await fetch(path, {
      method,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
    });
    const told = await answer.json();
    sayUnanswered(false);
    if (!answer.ok) throw new Error(told.error);
    return told;
  } catch (error) {
    if (!signal.aborted) throw error;
    sayUnanswered(true);
    throw new Error(t("unanswered"));
  }
};
