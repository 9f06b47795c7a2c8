//! Scratch.
use ovo_model::*;
use ovo_mutants::{Mutant, World};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n = |i: usize| a.get(i).and_then(|s| s.parse::<u8>().ok()).unwrap_or(0);
    let setting = match a[1].as_str() {
        "faults" => { let mut s = Setting::faults(n(3), n(4), n(5)); s.processes = n(2); s }
        "mutants" => {
            for m in Mutant::ALL {
                if a.len() > 2 && !m.name().starts_with(&a[2]) { continue; }
                let mut hit = false;
                for (k, s) in Setting::with_mutant(m).iter().enumerate() {
                if m.world() == World::TwoPayments { let f = explore::<2>(s, 1); println!("{:40} {k} {:?} {}", m.name(), f.broken.as_ref().map(|b| (&b.0[..3], b.1.clone().into_actions().len())), f.figures()); hit=true; if f.broken.is_some() {break;} continue; }
                let f = explore::<1>(s, 1);
                if f.broken.is_some() { hit = true; println!("{:40} {k} {:?} {}", m.name(), f.broken.as_ref().map(|b| (&b.0[..3], b.1.clone().into_actions().len())), f.figures()); break; }
                if f.took.as_secs() > 3 { println!("   {k} {}", f.figures()); }
                }
                if !hit { println!("{:40} MISSED", m.name()); }
            }
            return;
        }
        w => {
            let w = match w { "lie" => World::LyingDeclines, "foreign" => World::ForeignSale, "attested" => World::ForeignSaleUnderAttestedNumbers, "nocheck" => World::NoCheckPayment, "foreignnocheck" => World::ForeignSaleWithoutChecks, "ovo" => World::ReversedByOvo, "delay" => World::DelayBeyondBound, "reboots" => World::Reboots, "manual" => World::ManualChecks, "voids" => World::Voids, _ => World::Ordinary };
            let mut s = Setting::of(w);
            if a.len() > 4 { s.crashes = n(2); s.losses = n(3); s.duplicates = n(4); }
            if a.len() > 5 { s.reboots = n(5); }
            s
        }
    };
    let f = explore::<1>(&setting, 2);
    println!("{:?} -> {}", a, f.figures());
    if let Some((name, path)) = f.broken {
        println!("BROKEN {name}");
        for (m, action) in path.into_vec() {
            println!("{:?} row {:?}", action.map(|a| (a.what, a.process)), { let s = ovo_model::row::unpack(m.payments[0].row); (m.now, m.payments[0].row != 0, s.verdict, s.reversal, s.due, s.closed.is_some(), s.seen, s.needs_operator, m.payments[0].record) });
        }
    }
}
