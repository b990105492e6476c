#[io2::preemptible]
async fn wrong(words: &[&str]) -> usize {
    let mut sum = 0;
    for word in words {
        sum += word;
    }
    'outer: while sum > "5" {
        for n in 0..sum {
            break 'outr;
        }
    }
    let unused = loop {
        break iterations_0;
    };
    "five"
}

fn main() {}
