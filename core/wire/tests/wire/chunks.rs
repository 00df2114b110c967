//! Cutting and putting together.

use heijunka_wire::limits::PARTS_MAX;
use heijunka_wire::{Assembly, Part, PartError, Progress, parts};
use proptest::prelude::*;

/// An object, its parts in some order, and after each one perhaps an earlier one again.
fn deliveries() -> impl Strategy<Value = (Vec<u8>, Vec<Part>)> {
    (proptest::collection::vec(any::<u8>(), 0..2000), 4_usize..300).prop_flat_map(|(object, chunk)| {
        let all: Vec<Part> = parts(object.len(), chunk).unwrap().collect();
        let twice: Vec<Part> = all.iter().chain(&all).copied().collect();
        (Just(object), Just(twice).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(crate::cases(1000))]

    #[test]
    fn chunks_come_in_any_order_and_twice((object, deliveries) in deliveries()) {
        let mut assembly = Assembly::new();
        let mut buffer = vec![0xaa; object.len()];
        let mut seen: Vec<u16> = Vec::new();
        for part in &deliveries {
            let (begin, bytes) = part.range().unwrap();
            let payload = &object[begin..begin + bytes];
            let progress = assembly.accept_into(*part, payload, &mut buffer).unwrap();
            prop_assert_eq!(assembly.total_bytes(), Some(object.len()));
            if seen.contains(&part.index) {
                prop_assert_eq!(progress, Progress::Duplicate);
                continue;
            }
            seen.push(part.index);
            let last = seen.len() == deliveries.len() / 2;
            prop_assert_eq!(progress, if last { Progress::Complete } else { Progress::Incomplete });
            prop_assert_eq!(assembly.is_complete(), last);
        }
        prop_assert_eq!(&buffer, &object);
    }

    #[test]
    fn any_numbers_for_a_part_are_safe(index: u16, chunk_bytes: u32, total_bytes: u32, payload in 0_usize..64) {
        let part = Part { index, chunk_bytes, total_bytes };
        let mut assembly = Assembly::new();
        let mut buffer = [0; 64];
        if assembly.accept_into(part, &vec![1; payload], &mut buffer).is_ok() {
            prop_assert!(total_bytes <= 64 && part.count().unwrap() <= PARTS_MAX);
        } else {
            prop_assert_eq!(assembly.total_bytes(), None);
        }
    }
}

#[test]
fn cutting_covers_the_object_once() {
    let ranges = |total, chunk| parts(total, chunk).unwrap().map(|part| part.range().unwrap()).collect::<Vec<_>>();
    assert_eq!(ranges(10, 4), [(0, 4), (4, 4), (8, 2)]);
    assert_eq!(ranges(8, 7), [(0, 4), (4, 4)]);
    assert_eq!(ranges(0, 4), [(0, 0)]);
}

#[test]
fn more_than_the_most_chunks_are_not_cut() {
    assert_eq!(parts(PARTS_MAX * 4, 4).unwrap().count(), PARTS_MAX);
    assert!(parts(PARTS_MAX * 4 + 1, 4).is_none());
    assert!(parts(1, 3).is_none());
    assert!(parts(1, 0).is_none());
    assert!(parts(usize::MAX, 4).is_none());
}

#[test]
fn a_chunk_of_another_object_is_refused_and_changes_nothing() {
    let mut assembly = Assembly::new();
    let mut buffer = [0; 8];
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 8 };
    assert_eq!(assembly.accept_into(part, &[1; 4], &mut buffer), Ok(Progress::Incomplete));
    let other = Part { chunk_bytes: 8, ..part };
    assert_eq!(assembly.accept_into(other, &[9; 8], &mut buffer), Err(PartError::Mismatch));
    let longer = Part { total_bytes: 7, index: 1, ..part };
    assert_eq!(assembly.accept_into(longer, &[9; 3], &mut buffer), Err(PartError::Mismatch));
    assert_eq!(assembly.accept_into(Part { index: 1, ..part }, &[2; 4], &mut buffer), Ok(Progress::Complete));
    assert_eq!(buffer, [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[test]
fn an_object_larger_than_its_buffer_is_refused() {
    let mut assembly = Assembly::new();
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 12 };
    assert_eq!(assembly.accept(part, 4, 11), Err(PartError::TooLarge));
    assert_eq!(assembly.accept(part, 3, 12), Err(PartError::Sizes));
    assert_eq!(assembly.accept(Part { index: 3, ..part }, 4, 12), Err(PartError::Sizes));
    assert_eq!(assembly.total_bytes(), None);
    assert_eq!(assembly.accept(Part { index: 2, ..part }, 4, 12), Ok((Progress::Incomplete, 8)));
    // The buffer must hold the object for later chunks too.
    assert_eq!(assembly.accept_into(part, &[0; 4], &mut [0; 8]), Err(PartError::TooLarge));
}
