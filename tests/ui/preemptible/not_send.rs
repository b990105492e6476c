use std::rc::Rc;

#[io2::preemptible]
async fn counted(words: Rc<Vec<String>>) -> usize {
    let mut sum = 0;
    for word in words.iter() {
        sum += word.len();
    }
    sum
}

fn is_send<T: Send>(_: T) {}

fn main() {
    is_send(counted(Rc::default()));
}
