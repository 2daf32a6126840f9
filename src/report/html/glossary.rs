//! The words of the report, each defined once.

/// Word and meaning, in alphabetical order.
pub(super) const WORDS: [(&str, &str); 21] = [
    ("Anomaly", "Cost above what the history of its weekday and hour predicts."),
    ("Billed cost", "What the invoices ask for. The totals are reconciled on it."),
    (
        "Break-even",
        "The share of hours above which a reserved unit costs less than the same unit bought by the hour: reserved rate divided by pay-as-you-go rate.",
    ),
    (
        "Budget variance",
        "Actual or forecast cost less budget; favorable when below. Months of which the data have a part are held against a part.",
    ),
    (
        "Busy",
        "The share of paid GPU time in which a request was running, from telemetry or from a model of the service time. Never called utilization here.",
    ),
    ("Cold start", "The time from asking for a replica until it serves its first request."),
    ("Contracted cost", "Quantity at the negotiated price."),
    ("Cost avoidance", "The bill grows less than it would have. Never added to savings."),
    (
        "Coverage",
        "The part of the usage that a commitment could cover and does cover, at list prices. Said of commitments only.",
    ),
    (
        "Effective cost",
        "Billed cost with upfront payments spread over their term. The base of every analysis here.",
    ),
    (
        "Effective Savings Rate",
        "What discounts saved, in both published forms: (contracted − effective) / contracted and (list − effective) / list, after unused commitment.",
    ),
    (
        "Forecast",
        "The expected cost of named months in their calendar hours, with a range that holds 80 of 100, as is and with advice.",
    ),
    (
        "Grade",
        "How much evidence stands behind an advice: A is measured throughout, F is a guess. Assumed latency limits allow C at best.",
    ),
    ("List cost", "Quantity at the public price."),
    ("Month", "730 hours at the traffic of the window, unless a calendar month is named."),
    (
        "Range, loss",
        "Of ten months like those seen eight save an amount in the range; loss is the share of months that cost more than they save. A new price or the end of a workload is in neither.",
    ),
    (
        "Savings",
        "The bill falls at constant traffic: baseline less recommended plan, for a month of 730 hours.",
    ),
    ("Showback", "Cost shown by owner without booking it to them."),
    (
        "TTFT, TPOT",
        "Time to the first token of an answer, and time per output token after it. p95: 95 of 100 requests are at least as fast.",
    ),
    ("Unit cost", "Effective cost, idle time included, divided by what was delivered."),
    ("Utilization", "The part of a commitment bought that was used. Said of commitments only."),
];
