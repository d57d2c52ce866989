//! The order in which variables can be resolved, and the cycles that prevent it.

/// The order of items that use each other, by their indexes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The items that can be resolved, each after all that it uses.
    pub(super) ready: Vec<usize>,
    /// The cycles. Each begins with its lowest index, and each member uses the next one.
    pub(super) cycles: Vec<Vec<usize>>,
    /// The items in a cycle, and those that use one of them, directly or not.
    pub(super) blocked: Vec<usize>,
}

/// Orders items, given the indexes that each of them uses.
pub(super) fn order(used: &[Vec<usize>]) -> Order {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); used.len()];
    let mut waiting: Vec<usize> = vec![0; used.len()];
    for (user, used) in used.iter().enumerate() {
        waiting[user] = used.len();
        for used in used {
            users[*used].push(user);
        }
    }
    let mut ready: Vec<usize> = (0..used.len()).filter(|at| waiting[*at] == 0).collect();
    let mut next = 0;
    while let Some(at) = ready.get(next).copied() {
        next += 1;
        for user in &users[at] {
            waiting[*user] -= 1;
            if waiting[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    let blocked: Vec<usize> = (0..used.len()).filter(|at| waiting[*at] > 0).collect();
    Order {
        cycles: cycles(used, &waiting, &blocked),
        ready,
        blocked,
    }
}

/// Returns the cycles. Every blocked item uses a blocked item, so a walk from one to the next ends
/// in a cycle. Each item is visited once.
fn cycles(used: &[Vec<usize>], waiting: &[usize], blocked: &[usize]) -> Vec<Vec<usize>> {
    let mut walked_in: Vec<Option<usize>> = vec![None; used.len()];
    let mut cycles = Vec::new();
    for start in blocked.iter().copied() {
        let mut walk = Vec::new();
        let mut at = start;
        while walked_in[at].is_none() {
            walked_in[at] = Some(start);
            walk.push(at);
            let next = used[at].iter().copied().find(|used| waiting[*used] > 0);
            at = next.unwrap_or(at);
        }
        if walked_in[at] == Some(start)
            && let Some(first) = walk.iter().position(|seen| *seen == at)
        {
            let mut cycle = walk.split_off(first);
            let lowest = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or(0);
            cycle.rotate_left(lowest);
            cycles.push(cycle);
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_items_come_first() {
        let order = order(&[vec![1, 2], vec![2], vec![], vec![0]]);
        assert_eq!(order.ready, [2, 1, 0, 3]);
        assert!(order.cycles.is_empty() && order.blocked.is_empty());
    }

    #[test]
    fn every_cycle_is_found_once() {
        // 0 uses 1 and 1 uses 0; 2 uses itself; 3 uses the first cycle; 4 is free.
        let order = order(&[vec![1], vec![0], vec![2], vec![1], vec![]]);
        assert_eq!(order.ready, [4]);
        assert_eq!(order.cycles, [vec![0, 1], vec![2]]);
        assert_eq!(order.blocked, [0, 1, 2, 3]);
    }

    #[test]
    fn long_chains_need_no_stack() {
        let used: Vec<Vec<usize>> = (0..100_000).map(|at| vec![(at + 1) % 100_000]).collect();
        assert_eq!(order(&used).cycles.len(), 1);
    }
}
