fn main(){
  let t = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
  use lob_effect::study::*; use lob_effect::vocab::OutcomeRule;
  let kinds=[ModelKind{id:"hazard",takes:|r|r==OutcomeRule::Event,takes_words:"an event",may_split:true},ModelKind{id:"landmark",takes:|r|matches!(r,OutcomeRule::ActiveOn{..}|OutcomeRule::NotEnrolledOn{..}|OutcomeRule::SameProgramme{..}),takes_words:"x",may_split:true},ModelKind{id:"growth",takes:|r|r==OutcomeRule::Score,takes_words:"scores",may_split:false}];
  match Study::parse(&t,&kinds){Ok(_)=>println!("ok"),Err(e)=>for x in e {println!("{x}")}}
}
