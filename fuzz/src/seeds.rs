//! Writes the seed corpora of all targets below `corpus/`: small files of the kinds that the readers know, sound ones and
//! ones with the faults that occur. All of it is invented here.

use std::fs;
use std::path::Path;

use lob_effect::study::template::TEMPLATE;
use rust_xlsxwriter::Workbook;

fn main() {
    let csv = "leerling;datum;soort;minuten\n12001;07-10-2024;Gesprek mentor;20,5\n12002;8-10-2024;\"Open dag; mbo\";\n";
    let latin: Vec<u8> = csv.replace("mentor", "loopbaanco\u{eb}").chars().map(|c| c as u32 as u8).collect();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(csv.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    put("csv", "plain", csv.as_bytes());
    put("csv", "latin", &latin);
    put("csv", "utf16", &utf16);
    put("csv", "mark", &[&[0xef, 0xbb, 0xbf], csv.as_bytes()].concat());
    put("csv", "sep", format!("sep=;\r\n{}", csv.replace('\n', "\r\n")).as_bytes());
    put("csv", "tabs", csv.replace(';', "\t").as_bytes());
    put("csv", "ragged", b"a,b\n1,2,3\n4\n\"5\n");
    put("csv", "total", format!("{csv}Totaal;;;20,5\n").as_bytes());
    put("xlsx", "small", &workbook());
    put("ro", "small", RO.as_bytes());
    put("ro", "short", RO.rsplit_once("SLR").map_or("", |(rows, _)| rows).as_bytes());
    put("xml", "edexml", EDEXML.as_bytes());
    put("xml", "entities", b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>");
    put("study", "template", TEMPLATE.as_bytes());
    put("study", "short", b"[study]\nid = \"a\"\ntitle = \"A\"\n[sources.a]\nfiles = \"a.csv\"\n");
}

fn put(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder below fuzz/");
    fs::write(folder.join(name), bytes).expect("a file below fuzz/");
}

fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in ["leerling", "datum", "soort"].iter().enumerate() {
        sheet.write(0, column as u16, *name).expect("a cell");
    }
    sheet.write(1, 0, "12001").expect("a cell");
    sheet.write(1, 1, 45_572).expect("a cell");
    sheet.write(1, 2, "Gesprek").expect("a cell");
    book.save_to_buffer().expect("a workbook")
}

const RO: &str = "VLP|99ZC|2023-08-01|2024-07-31|2024-08-15\nPER|999990020||2006-11-02|M\n\
ISG|999990020||A1|2023-08-01|2026-07-31||\nISP|999990020||A1|2023-08-01|25163|BOL|3|J\nSLR|1|1|1|0|0|0|0|0|0\n";

const EDEXML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EDEX xmlns=\"http://www.edustandaard.nl/leerresultaten/2/\
leerlinggegevens\"><school><schooljaar>2023-2024</schooljaar><brincode>99ZA</brincode></school><groepen><groep key=\"G4\">\
<naam>4b</naam><jaargroep>4</jaargroep></groep></groepen><leerlingen><leerling key=\"12003\" eckid=\"https://ketenid.nl/\
pilot/x\"><jaargroep>4</jaargroep><groep key=\"G4\"/></leerling></leerlingen></EDEX>\n";
