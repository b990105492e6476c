use proptest::prelude::*;

use super::*;

fn alignments() -> impl Strategy<Value = Alignment> {
    let powers = (
        0_u32..13,
        prop_oneof![Just(9_u32), Just(12), Just(16), Just(0)],
    );
    powers.prop_map(|(memory, offset)| {
        Alignment::reported(1 << memory, 1 << offset).expect("powers of two")
    })
}

fn requests() -> impl Strategy<Value = Request> {
    let small = (0_u64..20_000, 1_usize..20_000);
    let large = (0_u64..1 << 40, 1_usize..4 << 20);
    let exact = (0_u64..64, 1_usize..600).prop_map(|(at, len)| (at * 4096, len * 4096));
    let places = prop_oneof![small, large, exact];
    // Many addresses must be aligned, or else nothing ever goes straight.
    let addresses = prop_oneof![Just(1 << 20), 4096_usize..1 << 30];
    (places, addresses, alignments()).prop_map(|((offset, len), address, align)| {
        Request::new(offset, len, address, align).expect("within the longest file")
    })
}

fn pieces(request: &Request) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while let Some(piece) = request.piece(done) {
        done = piece.data.end;
        pieces.push(piece);
    }
    pieces
}

proptest! {
    #[test]
    fn the_pieces_are_whole_blocks_that_hold_the_data_in_order(request in requests()) {
        let align = request.align;
        let pieces = pieces(&request);
        let mut done = 0;
        let mut at = request.blocks().start;
        for piece in &pieces {
            prop_assert_eq!(piece.data.start, done, "the data has no holes");
            prop_assert_eq!(piece.span.start, at, "neither have the blocks");
            prop_assert!(align.fits_offset(piece.span.start) && align.fits_offset(piece.span.end));
            let gap = piece.gap(request.offset) as u64;
            prop_assert!(gap < align.offset());
            let behind = piece.span.len() as u64 - gap - piece.data.len() as u64;
            prop_assert!(behind < align.offset());
            prop_assert!(gap == 0 || piece.data.start == 0, "only the first block is cut in front");
            prop_assert!(behind == 0 || piece.data.end == request.len, "only the last one behind");
            match piece.path {
                Path::Straight => {
                    prop_assert!(gap == 0 && behind == 0);
                    prop_assert!(align.fits_memory(request.address + piece.data.start));
                }
                Path::Bounced => {
                    prop_assert!(piece.span.len() as u64 <= BOUNCE.max(align.offset()));
                }
            }
            done = piece.data.end;
            at = piece.span.end;
        }
        prop_assert_eq!(done, request.len);
        prop_assert_eq!(at, request.blocks().end);
    }

    #[test]
    fn no_request_is_cut_into_more_pieces_than_its_size_needs(request in requests()) {
        let bounced = request.blocks().len() as u64 / BOUNCE + 1;
        prop_assert!(pieces(&request).len() as u64 <= bounced + 3);
        if request.is_aligned() {
            let whole = Piece {
                span: request.blocks(),
                data: 0..request.len,
                path: Path::Straight,
            };
            prop_assert_eq!(pieces(&request), vec![whole]);
        }
    }

    #[test]
    fn head_and_tail_are_the_blocks_that_are_touched_in_part(request in requests()) {
        let (offset, end) = (request.offset, request.end());
        for (edge, part) in [(request.head(), offset), (request.tail(), end)] {
            match edge {
                Some(block) => prop_assert!(block.start < part && part < block.end),
                None => prop_assert!(request.align.fits_offset(part)),
            }
        }
        let whole = request.head().is_none() && request.tail().is_none();
        prop_assert_eq!(request.has_whole_blocks(), whole);
    }
}

#[test]
fn a_long_middle_goes_straight_and_a_short_one_does_not() {
    let align = Alignment::reported(512, 512).expect("powers of two");
    let cut = |len| {
        // The buffer is such that its 212th byte is aligned, as is the file there.
        let request = Request::new(300, len, 4096 + 300, align).expect("a short request");
        pieces(&request)
            .into_iter()
            .map(|piece| piece.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(cut(200_000), [Path::Bounced, Path::Straight, Path::Bounced]);
    assert_eq!(cut(100_000), [Path::Bounced]);
}

#[test]
fn a_request_past_the_greatest_length_of_a_file_is_refused() {
    for (offset, len) in [(u64::MAX, 1), (i64::MAX as u64, 1), (0, usize::MAX)] {
        let refused = Request::new(offset, len, 4096, Alignment::CONSERVATIVE).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
