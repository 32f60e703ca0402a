//! The card as a page.

use super::Card;
use crate::{
    data::{Window, date},
    judge::{Basis, Metric, Task},
};
use std::fmt::Write;

/// Names come from members: a line break or a bar must not leave its cell.
fn cell(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).collect::<String>().replace('|', "\\|")
}

fn days(window: Window) -> String {
    format!("{} to {}", date(window.first), date(window.last))
}

fn percent(bps: u32) -> String {
    format!("{} %", f64::from(bps) / 100.0)
}

/// Writing into a `String` cannot fail, so results are dropped.
pub(super) fn write(card: &Card) -> String {
    let mut page = String::new();
    head(&mut page, card);
    data(&mut page, card);
    scores(&mut page, card);
    members(&mut page, card);
    coverage(&mut page, card);
    calibration(&mut page, card);
    privacy(&mut page, card);
    let _ = writeln!(page, "\n## When not to trust it\n");
    for warning in &card.warnings {
        let _ = writeln!(page, "- {}", cell(warning).replace("\\|", "|"));
    }
    let _ = writeln!(page, "\n## Trained with\n");
    for (name, version) in &card.crates {
        let _ = writeln!(page, "- {name} {version}");
    }
    page
}

fn head(page: &mut String, card: &Card) {
    let target = card.target;
    let label = if card.is_synthetic() { " (synthetic members)" } else { "" };
    let _ = writeln!(
        page,
        "# Model card{label}\n\nModel `{}`, trained on days up to {}.\n",
        card.hash,
        date(card.trained_at_day)
    );
    let _ = writeln!(
        page,
        "It forecasts the volatility of assets over a week; the loss of a treasury that a day exceeds with probability {}, \
         and the mean loss beyond; and the probability that a treasury falls by {} within {} days, at market prices and \
         net of what it pays and earns.",
        percent(target.tail_bps),
        percent(target.loss_bps),
        target.horizon_days
    );
    if let Some(fit) = card.drawdown_fit {
        let _ = writeln!(page, "\nIts drawdown probability was fitted by {}.", fit.said());
    }
}

fn data(page: &mut String, card: &Card) {
    let _ = writeln!(
        page,
        "\n## Data\n\n| member | records are | from, to | days | before a drawdown |\n|---|---|---|---:|---:|"
    );
    for member in &card.data {
        let (name, label) = (cell(&member.member), member.origin.label());
        let events = member.events.map_or_else(|| "hidden".to_owned(), |events| events.to_string());
        let _ = writeln!(page, "| {name} | {label} | {} | {} | {events} |", days(member.window), member.records);
    }
    if !card.left_out.is_empty() {
        let _ = writeln!(page, "\nLeft out:\n");
        for one in &card.left_out {
            let _ = writeln!(page, "- {} of {}: {}", cell(&one.member), one.part, cell(&one.reason));
        }
    }
    if !card.missing.is_empty() {
        let _ = writeln!(page, "\nMissing parts:\n");
        for one in &card.missing {
            let _ = writeln!(page, "- {}", cell(one));
        }
    }
}

fn scores(page: &mut String, card: &Card) {
    let judgement = &card.judgement;
    let _ = writeln!(page, "\n## Scores on later days\n");
    if let [first, .., last] | [first @ last] = judgement.folds.as_slice() {
        let _ = writeln!(
            page,
            "Tested in {} fold{} from {} to {}; each is trained on records that end {} days or more before its test.\n",
            judgement.folds.len(),
            if judgement.folds.len() == 1 { "" } else { "s" },
            date(first.test.start),
            date(last.test.end.saturating_sub(1)),
            first.test.start.saturating_sub(first.train.end)
        );
    }
    if judgement.basis == Basis::Public {
        let _ = writeln!(page, "Judged on public records alone, not on members'. Absent are:\n");
        for one in &judgement.absent {
            let _ = writeln!(page, "- {}: {}", one.rival, one.reason);
        }
        page.push('\n');
    }
    for verdict in &judgement.verdicts {
        let _ = writeln!(page, "- {}", verdict.sentence);
    }
    for task in Task::ALL {
        let rows: Vec<_> = judgement.rows.iter().filter(|row| row.task == task).collect();
        let mut metrics: Vec<Metric> =
            rows.iter().flat_map(|row| row.scores.iter().map(|(metric, _)| *metric)).collect();
        metrics.sort_unstable();
        metrics.dedup();
        if rows.is_empty() {
            continue;
        }
        let _ = write!(page, "\n| {task} | trained | records | naive stood in |");
        metrics.iter().for_each(|metric| {
            let _ = write!(page, " {metric} |");
        });
        let _ = writeln!(page, "\n|---|---|---:|---:|{}", "---:|".repeat(metrics.len()));
        for row in rows {
            let _ = write!(page, "| {} | {} | {} | {} |", row.family, row.way, row.records, row.fallbacks);
            for metric in &metrics {
                let _ = match row.score(*metric) {
                    Some(score) => write!(page, " {score:.4} |"),
                    None => write!(page, " – |"),
                };
            }
            page.push('\n');
        }
    }
    let _ = writeln!(
        page,
        "\nLower is better, but for AUC (higher), calibration (0 and 1) and breaches ({}). Pinball is \
         in bps of NAV; FZ0 is the loss of Fissler and Ziegel for value at risk and expected shortfall together.",
        card.target.tail()
    );
}

fn members(page: &mut String, card: &Card) {
    if card.judgement.members.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n## What each member has of it\n\n| member | task | by | records | together | alone | naive | best |\n|---|---|---|---:|---:|---:|---:|---|"
    );
    for row in &card.judgement.members {
        let ways = [("together", row.together), ("alone", row.alone), ("naive", row.naive)];
        // Of equal ones the first: together.
        let best = ways.iter().fold(ways[0], |best, way| if way.1 < best.1 { *way } else { best });
        let (name, metric) = (cell(&row.member), row.metric);
        let _ = writeln!(
            page,
            "| {name} | {} | {metric} | {} | {:.4} | {:.4} | {:.4} | {} |",
            row.task, row.records, row.together, row.alone, row.naive, best.0
        );
    }
}

fn coverage(page: &mut String, card: &Card) {
    let _ = writeln!(
        page,
        "\n## Breaches of the value at risk, and the losses in them\n\np-values: Kupiec (as many as said), Christoffersen \
         (not in clusters; both together). Loss / ES is the mean loss of a breach over the expected shortfall, one when as \
         said; Z2 of Acerbi and Szekely is below zero when losses are greater or more often than said, and p is its own.\n\n\
         | member | by | trained | days | breaches | expected | Kupiec | independence | both | loss / ES | Z2 | p |\n\
         |---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    for row in &card.judgement.coverage {
        let (found, losses) = (row.coverage, row.shortfall);
        let severity = losses.severity.map_or("–".to_owned(), |severity| format!("{severity:.2}"));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {:.1} | {:.3} | {:.3} | {:.3} | {severity} | {:.2} | {:.3} |",
            cell(&row.member),
            row.family,
            row.way,
            found.days,
            found.breaches,
            found.expected,
            found.kupiec_p,
            found.independence_p,
            found.conditional_p,
            losses.z2,
            losses.p
        );
    }
}

fn calibration(page: &mut String, card: &Card) {
    let _ = writeln!(
        page,
        "\n## Calibration of the drawdown probability\n\n| records | forecast | came |\n|---:|---:|---:|"
    );
    for bin in &card.judgement.calibration.bins {
        let _ = writeln!(page, "| {} | {:.3} | {:.3} |", bin.records, bin.forecast, bin.observed);
    }
}

fn privacy(page: &mut String, card: &Card) {
    let _ = writeln!(page, "\n## Privacy\n");
    let Some(spent) = card.privacy else {
        let _ = writeln!(page, "No noise was added; there is no ε.");
        return;
    };
    let _ = writeln!(
        page,
        "ε = {:.4} a record and {:.4} a day (one day's flows enter several records), at δ = {:e}.",
        spent.epsilon_record, spent.epsilon_day, spent.delta
    );
    if let Some(year) = spent.year {
        let _ = writeln!(
            page,
            "\nThe ledger of {} stood at ε = {:.4} a record: this training, those before it, and what was released in vain.",
            year.year, year.epsilon_record
        );
    }
}
