/// Area under the ROC curve: the share of pairs of one positive and one negative record that the scores put in order,
/// equal scores counting half. One half when a class is missing. Labels are 0 or 1, as many as scores.
///
/// By the sum of ranks (Mann and Whitney 1947).
pub fn auc(scores: &[f64], labels: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len().min(labels.len())).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut positives, mut rank_sum, mut first) = (0.0, 0.0, 0);
    while first < order.len() {
        let tied = order[first..].iter().take_while(|other| scores[**other] == scores[order[first]]).count().max(1);
        // Ranks count from 1; tied records share the mean of theirs.
        let rank = first as f64 + (tied as f64 + 1.0) / 2.0;
        for record in &order[first..first + tied] {
            if labels[*record] > 0.5 {
                positives += 1.0;
                rank_sum += rank;
            }
        }
        first += tied;
    }
    let negatives = order.len() as f64 - positives;
    match positives > 0.0 && negatives > 0.0 {
        true => (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives),
        false => 0.5,
    }
}
