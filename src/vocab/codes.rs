//! Every error code, explained: what it means, why it matters, what to do. `lob explain CODE` and the validation page
//! print these words; `tests/registry.rs` fails when a code of the source is missing here.

use super::Lang;

/// An explanation in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was found.
    pub what: &'static str,
    /// Why the program does not go on.
    pub why: &'static str,
    /// What to do.
    pub todo: &'static str,
}

/// A code with its explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `LOB-E0101`.
    pub id: &'static str,
    /// Exit code of the command that stops on it.
    pub exit: u8,
    /// Type of the error in the words of frictionless data.
    pub kind: &'static str,
    /// In Dutch.
    pub nl: Explanation,
    /// In English.
    pub en: Explanation,
}

impl Code {
    /// The explanation in a language.
    pub fn explanation(&self, lang: Lang) -> &Explanation {
        match lang {
            Lang::Nl => &self.nl,
            Lang::En => &self.en,
        }
    }
}

/// The entry of a code, written as `LOB-E0101`, `lob-e0101`, `E0101` or `0101`.
pub fn code(id: &str) -> Option<&'static Code> {
    let id = id.to_uppercase();
    let digits = id.trim_start_matches("LOB-").trim_start_matches('E');
    CODES.iter().find(|c| c.id.strip_prefix("LOB-E") == Some(digits))
}

macro_rules! codes {
    ($($id:literal $exit:literal $kind:literal {
        nl: $nl_what:literal, $nl_why:literal, $nl_todo:literal;
        en: $en_what:literal, $en_why:literal, $en_todo:literal;
    })*) => {
        /// All codes, in order.
        pub const CODES: &[Code] = &[$(Code {
            id: $id,
            exit: $exit,
            kind: $kind,
            nl: Explanation { what: $nl_what, why: $nl_why, todo: $nl_todo },
            en: Explanation { what: $en_what, why: $en_why, todo: $en_todo },
        }),*];
    };
}

codes! {
    "LOB-E0001" 2 "study-error" {
        nl: "Het studiebestand is niet goed.",
            "Een sleutel, naam of combinatie in het studiebestand bestaat niet of past niet bij de rest.",
            "Elke regel van de melding noemt regel en kolom, en vaak de naam die bedoeld kan zijn. `lob schema` toont alle sleutels.";
        en: "The study file is not right.",
            "A key, name or combination in the study file does not exist or does not fit the rest.",
            "Each line of the message gives line and column, and often the name that may be meant. `lob schema` shows all keys.";
    }
    "LOB-E0101" 3 "source-error" {
        nl: "Een bestand van de studie bestaat niet.",
            "Paden in het studiebestand gelden vanaf de map waarin het studiebestand staat.",
            "Controleer de naam, ook hoofdletters en de extensie. Een * in een naam moet ten minste één bestand vinden.";
        en: "A file of the study does not exist.",
            "Paths in the study file are relative to the folder of the study file.",
            "Check the name, also upper and lower case and the extension. A * in a name must find at least one file.";
    }
    "LOB-E0102" 3 "source-error" {
        nl: "Een bestand kan niet worden gelezen.",
            "Het systeem geeft het bestand niet. Het is een map, of u mag het niet lezen, of de schijf heeft een fout.",
            "Controleer of het een gewoon bestand is en of u het mag lezen. Staat het op een netwerkschijf? Kopieer het dan eerst.";
        en: "A file can't be read.",
            "The system does not give the file. It is a folder, or you may not read it, or the disk has an error.",
            "Check that it is a regular file and that you may read it. Is it on a network drive? Then copy it first.";
    }
    "LOB-E0103" 3 "encoding-error" {
        nl: "Een bestand is beschadigd of heeft een andere vorm dan verwacht.",
            "Een half gelezen bestand geeft verkeerde aantallen. Daarom wordt er niets van gebruikt.",
            "Maak de export opnieuw. Klopt de vorm niet, noem die dan bij de bron in het studiebestand (`format`, `encoding`, `delimiter`).";
        en: "A file is damaged or has another form than expected.",
            "A file that is read in part gives wrong counts. So nothing of it is used.",
            "Make the export again. If the form is wrong, name it at the source in the study file (`format`, `encoding`, `delimiter`).";
    }
    "LOB-E0104" 3 "source-error" {
        nl: "Een bestand is leeg.",
            "Een leeg bestand is bijna altijd een mislukte export. Het telt niet als nul leerlingen.",
            "Maak de export opnieuw.";
        en: "A file is empty.",
            "An empty file is nearly always a failed export. It does not count as zero pupils.",
            "Make the export again.";
    }
    "LOB-E0105" 3 "missing-label" {
        nl: "Een kolom ontbreekt.",
            "De studie vraagt om een kolom die niet in het bestand staat.",
            "Staat de kolom er onder een andere naam? Gebruik `rename` bij de bron. `lob check --fix-plan` doet een voorstel. Is er maar één kolom, dan is `delimiter` verkeerd.";
        en: "A column is missing.",
            "The study asks for a column that is not in the file.",
            "Is it there under another name? Use `rename` at the source. `lob check --fix-plan` makes a proposal. If there is only one column, `delimiter` is wrong.";
    }
    "LOB-E0106" 3 "type-error" {
        nl: "Een kolom heeft een ander type dan nodig is.",
            "Een datum die als getal is opgeslagen, of een getal als ja en nee, kan op meer dan één manier worden gelezen.",
            "Schrijf de kolom opnieuw met het gevraagde type, of noem een andere kolom in de studie.";
        en: "A column has another type than is needed.",
            "A date that is stored as a number, or a number as true and false, can be read in more than one way.",
            "Write the column again with the type that is asked for, or name another column in the study.";
    }
    "LOB-E0107" 3 "primary-key" {
        nl: "Een opzoektabel heeft meer rijen met dezelfde sleutel.",
            "Bij één rij hoort dan meer dan één antwoord. Rijen zouden ongemerkt worden verdubbeld.",
            "Houd één rij per sleutel over, bijvoorbeeld met een `filter` op schooljaar.";
        en: "A look-up table has several rows with the same key.",
            "One row would get more than one answer. Rows would be doubled unnoticed.",
            "Keep one row per key, for example with a `filter` on school year.";
    }
    "LOB-E0108" 3 "type-error" {
        nl: "Er zijn meer onleesbare rijen dan is toegestaan.",
            "Een cel die geen getal of datum is, mag niet ongemerkt leeg worden. De rij valt weg en wordt geteld.",
            "De melding noemt bestand, rij, kolom en de vorm van wat er stond (9 = cijfer, a = letter). Verbeter de bron, of stel `time.date_format` in. Pas daarna eventueel `study.max_reject` aan.";
        en: "More rows can't be read than is allowed.",
            "A cell that is no number or date must not become empty unnoticed. The row falls out and is counted.",
            "The message gives file, row, column and the form of what was there (9 = digit, a = letter). Mend the source, or set `time.date_format`. Only then think of `study.max_reject`.";
    }
    "LOB-E0109" 3 "primary-key" {
        nl: "Een leerling staat twee keer in de leerlingtabel, met verschillende gegevens.",
            "Niemand kan zeggen welke rij geldt. Gelijke rijen zijn geen probleem: die tellen één keer.",
            "Houd één rij per leerling over. Ging een leerling naar een andere school, geef dan bij elke rij de eerste dag daar (`enrolled_from`): voor `lob ingest` telt de school van 1 oktober.";
        en: "A pupil stands twice in the pupil table, with different content.",
            "Nobody can tell which row holds. Equal rows are no problem: they count once.",
            "Keep one row per pupil. If a pupil changed school, give the first day there in each row (`enrolled_from`): for `lob ingest` the school of 1 October counts.";
    }
    "LOB-E0110" 3 "privacy-error" {
        nl: "Een kolom bevat burgerservicenummers of onderwijsnummers.",
            "Deze nummers mogen alleen worden gebruikt waar de wet dat zegt. Van toevallige nummers doorstaat één op de elf de elfproef, hier zijn het er veel meer.",
            "Is dit de sleutel van de leerling? Zet dan bij de bron `ids = { \"kolom\" = \"pgn\" }`. Het nummer wordt bij het lezen vervangen. Is de kolom niet nodig? Laat haar uit de export.";
        en: "A column holds citizen service numbers (BSN) or onderwijsnummers.",
            "These numbers may only be used where the law says so. Of random numbers one in eleven passes the 11-test, here far more do.",
            "Is it the pupil's key? Then put `ids = { \"column\" = \"pgn\" }` at the source. The number is replaced while reading. Is the column not needed? Leave it out of the export.";
    }
    "LOB-E0111" 4 "source-error" {
        nl: "Een bestand veranderde tijdens het lezen.",
            "De uitkomst zou bij geen van beide versies horen.",
            "Wacht tot het bestand klaar is en probeer het opnieuw.";
        en: "A file changed while it was read.",
            "The result would belong to neither version.",
            "Wait until the file is complete and try again.";
    }
    "LOB-E0112" 3 "source-error" {
        nl: "Er blijft geen leerling over.",
            "Alle rijen van de leerlingtabel vallen weg. De melding zegt waarom en hoeveel.",
            "Controleer `key`, `school` en de filters van de bron.";
        en: "No pupil is left.",
            "All rows of the pupil table fall out. The message says why and how many.",
            "Check `key`, `school` and the filters of the source.";
    }
    "LOB-E0113" 3 "constraint-error" {
        nl: "De hoeveelheid van een leerling is onmogelijk groot.",
            "Zo veel minuten of dagen in één periode kan niet. De eenheid is verkeerd of een kolom is verwisseld.",
            "Controleer `activities.amount` en `activities.unit`.";
        en: "A pupil's amount is impossibly large.",
            "So many minutes or days in one period can't be. The unit is wrong or a column was swapped.",
            "Check `activities.amount` and `activities.unit`.";
    }
    "LOB-E0114" 3 "primary-key" {
        nl: "Een leerling gaat op één dag naar twee scholen.",
            "Op één dag is een leerling op één school. Niemand kan zeggen welke rij geldt. Gelijke rijen zijn geen probleem.",
            "Houd van elke leerling per dag één rij over in de tabel van `[stays]`.";
        en: "A pupil goes to two schools on one day.",
            "On one day a pupil is at one school. Nobody can tell which row holds. Equal rows are no problem.",
            "Keep one row per pupil and day in the table of `[stays]`.";
    }
    "LOB-E0115" 3 "duplicate-label" {
        nl: "Een kolomnaam staat twee keer in een bestand.",
            "Niemand kan zeggen welke kolom is bedoeld.",
            "Geef een van de twee een andere naam.";
        en: "A column name stands twice in a file.",
            "Nobody can tell which column is meant.",
            "Give one of the two another name.";
    }
    "LOB-E0116" 3 "foreign-key" {
        nl: "Geen enkele rij van een tabel hoort bij een leerling.",
            "De sleutels zijn in de twee bestanden anders geschreven, of het zijn andere leerlingen. Zonder deze melding leek niemand LOB te hebben gehad.",
            "Vergelijk de vorm van de sleutels: voorloopnullen, spaties, een andere sleutel voor pseudoniemen.";
        en: "No row of a table belongs to a pupil.",
            "The keys are written differently in the two files, or these are other pupils. Without this message nobody would seem to have had guidance.",
            "Compare the form of the keys: leading zeros, spaces, another key of the pseudonyms.";
    }
    "LOB-E0117" 3 "foreign-key" {
        nl: "Van één school staat geen gekoppelde leerling in de inschrijvingen.",
            "Bij andere scholen lukt de koppeling wel. Zonder deze melding leken al deze leerlingen uitgevallen.",
            "Controleer hoe deze school de sleutel schrijft, of zeg dat haar leerlingen niet zijn gekoppeld (`pupils.linked`).";
        en: "Of one school no linked pupil is among the enrolments.",
            "Other schools can be linked. Without this message all these pupils would seem to have dropped out.",
            "Check how this school writes the key, or say that its pupils are not linked (`pupils.linked`).";
    }
    "LOB-E0118" 3 "foreign-key" {
        nl: "Geen enkele school in de tabel van `[stays]` staat in de leerlingtabel.",
            "Al deze leerlingen leken naar een school buiten het onderzoek te gaan, en niemand bleef over.",
            "Schrijf de school in beide tabellen op dezelfde manier, met BRIN en vestiging.";
        en: "No school in the table of `[stays]` is in the pupil table.",
            "All these pupils would seem to go to a school outside the study, and nobody would be left.",
            "Write the school the same way in both tables, with BRIN and location.";
    }
    "LOB-E0120" 3 "source-error" {
        nl: "Er staan fouten in een bestand.",
            "Een bestand met fouten wordt niet half gebruikt.",
            "De melding noemt elke plaats. Verbeter het bestand of vraag het opnieuw op.";
        en: "There are faults in a file.",
            "A file with faults is not used in part.",
            "The message gives every place. Mend the file or ask for it again.";
    }
    "LOB-E0121" 2 "format-error" {
        nl: "Inhoud, naam en opgegeven formaat van een bestand passen niet bij elkaar.",
            "Een bestand dat als iets anders wordt gelezen, geeft verkeerde gegevens.",
            "Noem het juiste `format` bij de bron, of geef het bestand zijn oorspronkelijke naam terug.";
        en: "Content, name and declared format of a file do not fit each other.",
            "A file that is read as something else gives wrong data.",
            "Name the right `format` at the source, or give the file its original name back.";
    }
    "LOB-E0122" 3 "source-error" {
        nl: "Een ingepakt bestand kan of mag niet worden uitgepakt.",
            "Het is beschadigd, heeft een wachtwoord of wordt onredelijk groot.",
            "Pak het zelf uit, en noem het uitgepakte bestand in de studie.";
        en: "A packed file can't or may not be unpacked.",
            "It is damaged, has a password or grows beyond reason.",
            "Unpack it yourself, and name the unpacked file in the study.";
    }
    "LOB-E0123" 3 "encoding-error" {
        nl: "Een bestand is in geen bekende tekenset geschreven.",
            "Verkeerd gelezen letters maken van één school of leerling er twee.",
            "Noem de tekenset bij de bron (`encoding`), of sla het bestand op als CSV UTF-8.";
        en: "A file is written in no known encoding.",
            "Letters that are read wrongly make two schools or pupils of one.",
            "Name the encoding at the source (`encoding`), or save the file as CSV UTF-8.";
    }
    "LOB-E0124" 2 "format-error" {
        nl: "Het is niet duidelijk welke tabel van het bestand is bedoeld.",
            "Dit formaat heeft meer tabellen in één bestand.",
            "Noem de tabel bij de bron: `table = \"enrolment\"`.";
        en: "It is not clear which table of the file is meant.",
            "This format has several tables in one file.",
            "Name the table at the source: `table = \"enrolment\"`.";
    }
    "LOB-E0125" 3 "source-error" {
        nl: "Een bestand zegt groter te zijn dan kan.",
            "Zo'n bestand is beschadigd of gemaakt om een computer te laten vastlopen. Het is niet gelezen.",
            "Maak de export opnieuw.";
        en: "A file claims to be larger than can be.",
            "Such a file is damaged, or made to bring a computer down. It was not read.",
            "Make the export again.";
    }
    "LOB-E0126" 3 "format-error" {
        nl: "Een bestand gebruikt iets dat niet wordt gelezen.",
            "Het bestand kan goed zijn, maar dit programma kent deze vorm niet.",
            "De melding noemt wat het is. Schrijf het bestand opnieuw in een andere vorm.";
        en: "A file uses something that is not read.",
            "The file may be right, but this program does not know this form.",
            "The message says what it is. Write the file again in another form.";
    }
    "LOB-E0127" 2 "dialect-error" {
        nl: "Het scheidingsteken in de studie is niet dat van het bestand.",
            "Met een ander scheidingsteken wordt een rij één lange cel.",
            "Verander `delimiter` bij de bron, of laat het weg: dan wordt het herkend.";
        en: "The separator in the study is not that of the file.",
            "With another separator a row becomes one long cell.",
            "Change `delimiter` at the source, or leave it out: then it is recognised.";
    }
    "LOB-E0128" 3 "source-error" {
        nl: "Een werkmap van Excel kan niet veilig worden gelezen.",
            "Verborgen bladen, macro's of formules zonder uitkomst geven gegevens die niemand zag.",
            "De melding noemt wat er is. Sla het blad op als nieuwe werkmap of als CSV UTF-8.";
        en: "An Excel workbook can't be read safely.",
            "Hidden sheets, macros or formulas without a result give data that nobody saw.",
            "The message says what it is. Save the sheet as a new workbook or as CSV UTF-8.";
    }
    "LOB-E0129" 3 "type-error" {
        nl: "Datums kunnen op twee manieren worden gelezen.",
            "Van 03/04/2024 is niet te zeggen of het maart of april is.",
            "Noem de vorm bij de bron: `date_format`.";
        en: "Dates can be read in two ways.",
            "Nobody can tell whether 03/04/2024 is in March or April.",
            "Name the form at the source: `date_format`.";
    }
    "LOB-E0130" 3 "privacy-error" {
        nl: "Een kolom die persoonsnummers zou bevatten, bevat andere nummers.",
            "Van echte nummers doorstaat ten minste 99 % de elfproef. Hier niet, dus is de kolom verwisseld of beschadigd.",
            "Noem de juiste kolom of de juiste soort in `ids`. Zijn de nummers verzonnen? Zet dan `synthetic = true` in [privacy].";
        en: "A column that should hold person numbers holds other numbers.",
            "Of real numbers at least 99 % pass the 11-test. Here they don't, so the column was swapped or damaged.",
            "Name the right column or the right kind in `ids`. Are the numbers invented? Then put `synthetic = true` in [privacy].";
    }
    "LOB-E0131" 3 "privacy-error" {
        nl: "Een bestandsnaam bevat een burgerservicenummer.",
            "Bestandsnamen komen in meldingen, logboeken en overzichten.",
            "Geef het bestand een andere naam, zonder het nummer.";
        en: "A file name holds a citizen service number.",
            "File names get into messages, logs and overviews.",
            "Give the file another name, without the number.";
    }
    "LOB-E0132" 3 "privacy-error" {
        nl: "Een kolom die de studie niet noemt, bevat burgerservicenummers of onderwijsnummers.",
            "Het programma leest zo'n kolom niet, maar het bestand hoort hier dan niet te staan.",
            "Laat de kolom weg uit de export. Is het de sleutel van de leerling? Noem haar dan in `ids`.";
        en: "A column that the study does not name holds citizen service numbers or onderwijsnummers.",
            "The program does not read such a column, but then the file should not be here.",
            "Leave the column out of the export. Is it the pupil's key? Then name it in `ids`.";
    }
    "LOB-E0133" 0 "privacy-warning" {
        nl: "Een tekstkolom bevat iets dat op persoonsgegevens lijkt.",
            "Namen, adressen, e-mailadressen en vrije tekst horen niet in de studie.",
            "Laat de kolom weg uit de export. Het programma leest haar niet.";
        en: "A text column holds something that looks like personal data.",
            "Names, addresses, e-mail addresses and free text do not belong in the study.",
            "Leave the column out of the export. The program does not read it.";
    }
    "LOB-E0140" 3 "primary-key" {
        nl: "Perioden van dezelfde inschrijving beginnen op dezelfde dag.",
            "Niemand kan zeggen welke periode geldt.",
            "Vraag de levering opnieuw op, of verwijder de dubbele periode.";
        en: "Periods of one enrolment start on the same day.",
            "Nobody can tell which period holds.",
            "Ask for the delivery again, or remove the double period.";
    }
    "LOB-E0141" 3 "foreign-key" {
        nl: "De overgangen van scholen vormen een kring.",
            "Een school kan niet in zichzelf overgaan. De opvolger is niet te bepalen.",
            "Controleer het bestand met overgangen.";
        en: "The transitions of schools form a circle.",
            "A school can't go over into itself. Its successor can't be found.",
            "Check the file of transitions.";
    }
    "LOB-E0142" 3 "primary-key" {
        nl: "Een school gaat als geheel over naar twee andere.",
            "Er kan maar één opvolger zijn.",
            "Controleer het bestand met overgangen.";
        en: "A school goes over as a whole to two others.",
            "There can be only one successor.",
            "Check the file of transitions.";
    }
    "LOB-E0143" 3 "foreign-key" {
        nl: "Geen enkele leerling van een school is gevonden in het vervolgonderwijs. Van andere scholen wel.",
            "Dat is geen toeval: de sleutels zijn anders geschreven, of de koppeltabel mist deze school.",
            "Vergelijk de sleutels van deze school met die van andere scholen, of laat de school weg.";
        en: "No pupil of a school was found in later education. Pupils of other schools were.",
            "That is no chance: the keys are written differently, or the crosswalk lacks this school.",
            "Compare the keys of this school with those of other schools, or leave the school out.";
    }
    "LOB-E0150" 0 "data-warning" {
        nl: "Iets aan de gegevens valt op.",
            "De studie kan ermee verder, maar de uitkomst kan ervan afhangen.",
            "Kijk of de genoemde rijen, kolommen of waarden kloppen.";
        en: "Something about the data is odd.",
            "The study can go on, but its results may depend on it.",
            "See whether the rows, columns or values that are named are right.";
    }
    "LOB-E0151" 0 "drift-warning" {
        nl: "Een bestand is duidelijk anders dan bij de vorige controle.",
            "Een levering die ineens half zo lang is of een lege kolom heeft, is vaak een mislukte export.",
            "Vraag aan wie het bestand leverde of de verandering klopt.";
        en: "A file clearly differs from the last check.",
            "A delivery that is suddenly half as long or has an empty column is often a failed export.",
            "Ask whoever delivered the file whether the change is right.";
    }
    "LOB-E0152" 3 "counts-error" {
        nl: "Aantallen per school, leerweg en cohort kloppen niet.",
            "Een cel staat er twee keer, heeft meer gebeurtenissen dan leerlingen, of heeft geen aantal. Dan is het aandeel onbekend.",
            "De melding noemt de cel. Horen de rijen bij elkaar (sectoren van een leerweg), zet dan `sum = true` bij [counts].";
        en: "Counts per school, leerweg and cohort can't be so.",
            "A cell stands there twice, has more events than pupils, or has no number. Then its share is unknown.",
            "The message names the cell. If the rows belong together (sectors of a leerweg), put `sum = true` in [counts].";
    }
    "LOB-E0153" 3 "counts-error" {
        nl: "Geen cel met aantallen past bij leerlingen uit het dossier.",
            "School, leerweg en cohort moeten in beide hetzelfde heten.",
            "Zet bij `recode` van [counts] hoe school, leerweg en cohort in de studie heten, zoals { \"2019-2020\" = \"2019\" }.";
        en: "No cell of counts meets pupils of the dossier.",
            "School, leerweg and cohort must have the same names in both.",
            "Write in `recode` of [counts] what the study calls school, leerweg and cohort, such as { \"2019-2020\" = \"2019\" }.";
    }
    "LOB-E0160" 3 "schema-error" {
        nl: "Een bestand met groepen (cells.parquet) past niet bij de studie, of de aantallen kunnen niet kloppen.",
            "Uit deze aantallen worden alle modellen geschat; wat er niet staat, merkt niemand later nog.",
            "Maak het bestand opnieuw met `lob cells` en dezelfde studie. Neem elke leerling in één bestand op.";
        en: "A file of cells (cells.parquet) does not fit the study, or its counts can't be right.",
            "All models are fitted from these counts; what is missing in them nobody notices later.",
            "Make the file again with `lob cells` and the same study. Let every pupil stand in one file only.";
    }
    "LOB-E0201" 3 "missing-cell" {
        nl: "Een rij heeft minder cellen dan de kop.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Kijk of de regel is afgebroken, of een scheidingsteken mist.";
        en: "A row has fewer cells than the header.",
            "What can't be read must not become empty or fall out unnoticed.",
            "See whether the line was cut off or lacks a separator.";
    }
    "LOB-E0202" 3 "extra-cell" {
        nl: "Een rij heeft meer cellen dan de kop.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Staat het scheidingsteken in een tekst? Zet die tekst dan tussen aanhalingstekens.";
        en: "A row has more cells than the header.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Does a text hold the separator? Then put that text in quotes.";
    }
    "LOB-E0203" 3 "type-error" {
        nl: "Een datum is niet te lezen of bestaat niet.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Schrijf datums als jjjj-mm-dd of dd-mm-jjjj.";
        en: "A date can't be read or does not exist.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Write dates as yyyy-mm-dd or dd-mm-yyyy.";
    }
    "LOB-E0204" 3 "type-error" {
        nl: "Een getal is niet te lezen.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Schrijf alleen cijfers, met één decimaalteken.";
        en: "A number can't be read.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Write digits only, with one decimal sign.";
    }
    "LOB-E0205" 3 "constraint-error" {
        nl: "Een verplichte cel is leeg.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Vraag het bestand opnieuw op.";
        en: "A required cell is empty.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Ask for the file again.";
    }
    "LOB-E0206" 3 "constraint-error" {
        nl: "Een code is in dit formaat niet bekend.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Kijk of een kolom is verschoven.";
        en: "A code is not known in this format.",
            "What can't be read must not become empty or fall out unnoticed.",
            "See whether a column has shifted.";
    }
    "LOB-E0207" 3 "foreign-key" {
        nl: "Het record waar een ander bij hoort, ontbreekt.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Vraag het bestand opnieuw op.";
        en: "The record that another one belongs to is missing.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Ask for the file again.";
    }
    "LOB-E0208" 3 "primary-key" {
        nl: "Hetzelfde record staat er twee keer.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Vraag het bestand opnieuw op.";
        en: "The same record stands there twice.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Ask for the file again.";
    }
    "LOB-E0209" 3 "row-count" {
        nl: "Een controletelling klopt niet: het bestand is onvolledig.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Vraag het bestand opnieuw op, of zet `incomplete = true` bij de bron. Elk resultaat zegt dat dan.";
        en: "A control total does not fit: the file is incomplete.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Ask for the file again, or set `incomplete = true` for the source. Every result then says so.";
    }
    "LOB-E0210" 3 "type-error" {
        nl: "Een soort record is in dit formaat niet bekend.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Controleer of het formaat klopt.";
        en: "A kind of record is not known in this format.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Check whether the format is right.";
    }
    "LOB-E0211" 3 "constraint-error" {
        nl: "Een einddatum ligt voor de begindatum.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Controleer de twee datums in het bronsysteem.";
        en: "An end lies before its start.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Check the two dates in the source system.";
    }
    "LOB-E0212" 3 "constraint-error" {
        nl: "Een regel heeft geen persoonsnummer, of twee verschillende.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Vraag het bestand opnieuw op.";
        en: "A line has no person number, or two different ones.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Ask for the file again.";
    }
    "LOB-E0213" 3 "constraint-error" {
        nl: "Twee velden spreken elkaar tegen.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Controleer de twee velden in het bronsysteem.";
        en: "Two fields contradict each other.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Check the two fields in the source system.";
    }
    "LOB-E0214" 3 "type-error" {
        nl: "Een formule heeft geen opgeslagen uitkomst.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Open het bestand in Excel en sla het opnieuw op.";
        en: "A formula has no stored result.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Open the file in Excel and save it again.";
    }
    "LOB-E0215" 3 "type-error" {
        nl: "Excel heeft een nummer of code veranderd.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Importeer deze kolom als tekst.";
        en: "Excel changed a number or code.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Import this column as text.";
    }
    "LOB-E0216" 3 "source-error" {
        nl: "Een deel van het bestand is geen geldige JSON of XML.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Maak de export opnieuw.";
        en: "A part of the file is no valid JSON or XML.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Make the export again.";
    }
    "LOB-E0217" 3 "structure-error" {
        nl: "Cellen zijn samengevoegd: maar één rij heeft de waarde.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Hef samengevoegde cellen op en vul elke rij.";
        en: "Cells are merged: only one row has the value.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Unmerge cells and fill every row.";
    }
    "LOB-E0218" 3 "encoding-error" {
        nl: "Een eerder programma heeft een letter verloren.",
            "Wat niet te lezen is, mag niet ongemerkt leeg worden of wegvallen.",
            "Maak de export opnieuw.";
        en: "An earlier program lost a letter.",
            "What can't be read must not become empty or fall out unnoticed.",
            "Make the export again.";
    }
    "LOB-E0401" 4 "environment-error" {
        nl: "Een resultaat kan niet worden geschreven.",
            "De schijf is vol, of u mag hier niet schrijven.",
            "Maak ruimte, kies een andere map met `--out`, en probeer het opnieuw. Eerdere resultaten zijn ongewijzigd.";
        en: "A result can't be written.",
            "The disk is full, or you may not write here.",
            "Make room, choose another folder with `--out`, and try again. Earlier results are unchanged.";
    }
    "LOB-E0402" 4 "environment-error" {
        nl: "In deze map is al een berekening bezig.",
            "Twee berekeningen tegelijk zouden elkaars bestanden overschrijven.",
            "Wacht tot de andere klaar is.";
        en: "Another run is busy in this folder.",
            "Two runs at once would overwrite each other's files.",
            "Wait until the other one has finished.";
    }
    "LOB-E0403" 70 "internal-error" {
        nl: "Een tabel kon niet worden opgebouwd.",
            "Dit is een fout van ons, niet van uw gegevens.",
            "Meld de code en de naam van de tabel.";
        en: "A table could not be built.",
            "This is a mistake of ours, not of your data.",
            "Report the code and the name of the table.";
    }
    "LOB-E0404" 4 "environment-error" {
        nl: "Een andere rekenmachine (DuckDB, Spark) heeft de groepen niet gemaakt.",
            "Zonder alle groepen is er geen uitkomst. Er is niets gepubliceerd.",
            "Lees het einde van zijn logboek in de melding; alles staat in engine.log. Staat het programma op deze computer, en kan het bij de bestanden? Kan een cel niet worden gelezen, dan zegt `lob check` welke.";
        en: "Another engine (DuckDB, Spark) did not make the cells.",
            "Without all cells there is no result. Nothing was published.",
            "Read the end of its log in the message; all of it is in engine.log. Is the program on this machine, and does it reach the files? Where a cell can't be read, `lob check` says which.";
    }
    "LOB-E0601" 6 "privacy-error" {
        nl: "In een resultaat staat iets dat niet naar buiten mag.",
            "Vlak voor het publiceren wordt elk bestand doorzocht op persoonsnummers, de sleutel en paden van deze computer. Er is niets gepubliceerd.",
            "De melding noemt het bestand en wat voor gegeven het is. Kijk welke kolom, schoolnaam of titel het bevat. Laat een mens beslissen.";
        en: "A result holds something that may not leave.",
            "Just before publishing every file is searched for person numbers, the key and paths of this computer. Nothing was published.",
            "The message names the file and the kind of thing. See which column, school name or title holds it. Let a person decide.";
    }
    "LOB-E0701" 2 "key-error" {
        nl: "Er zijn persoonlijke nummers te vervangen, maar er is geen sleutel genoemd.",
            "Zonder sleutel is een pseudoniem in een seconde terug te rekenen.",
            "Maak een sleutel met `lob key new`, en noem het bestand in [privacy] `key_file` of in LOB_KEY_FILE.";
        en: "There are personal ids to replace, but no key is named.",
            "Without a key a pseudonym is reversed within a second.",
            "Make a key with `lob key new`, and name its file in [privacy] `key_file` or in LOB_KEY_FILE.";
    }
    "LOB-E0702" 2 "key-error" {
        nl: "Het sleutelbestand kan niet worden gelezen of geschreven.",
            "Het systeem noemt de reden in de melding.",
            "Controleer het pad en of het bestand van u is.";
        en: "The key file can't be read or written.",
            "The message gives the system's reason.",
            "Check the path, and whether the file is yours.";
    }
    "LOB-E0703" 2 "key-error" {
        nl: "Anderen mogen het sleutelbestand lezen of veranderen.",
            "Wie de sleutel heeft, kan bij elk nummer het pseudoniem maken.",
            "Maak het bestand privé met `chmod 600`. Kan een ander het gelezen hebben? Maak dan een nieuwe sleutel.";
        en: "Others may read or change the key file.",
            "Whoever has the key can make the pseudonym of every number.",
            "Make the file private with `chmod 600`. May somebody else have read it? Then make a new key.";
    }
    "LOB-E0704" 2 "key-error" {
        nl: "Het sleutelbestand bevat geen sleutel van 256 bits.",
            "Een wachtwoord of een korte sleutel is te raden.",
            "Maak een sleutel met `lob key new`. Schrijf er nooit zelf een.";
        en: "The key file holds no key of 256 bits.",
            "A password or a short key can be guessed.",
            "Make a key with `lob key new`. Never write one by hand.";
    }
    "LOB-E0705" 2 "key-error" {
        nl: "De sleutel is van een ander project.",
            "Met één sleutel voor twee projecten zijn leerlingen van het ene in het andere te herkennen.",
            "Gebruik de sleutel van dit project, of noem het project in [privacy] `project`.";
        en: "The key belongs to another project.",
            "With one key for two projects, pupils of the one can be recognised in the other.",
            "Use the key of this project, or name the project in [privacy] `project`.";
    }
    "LOB-E0706" 2 "key-error" {
        nl: "De gegevens zijn met een andere sleutel gemaakt.",
            "Pseudoniemen van twee sleutels passen nooit bij elkaar. Alle leerlingen zouden onvindbaar lijken.",
            "Gebruik de sleutel die de melding noemt, of maak alle leveringen opnieuw met één sleutel.";
        en: "The data were made with another key.",
            "Pseudonyms of two keys never match. All pupils would seem not to be found.",
            "Use the key that the message names, or make all deliveries again with one key.";
    }
    "LOB-E0707" 2 "key-error" {
        nl: "Er staat al een bestand met deze naam.",
            "Een sleutel wordt nooit overschreven: de oude pseudoniemen zouden verloren zijn.",
            "Kies een andere naam, of gebruik `lob key rotate`.";
        en: "A file of this name is there already.",
            "A key is never overwritten: the old pseudonyms would be lost.",
            "Choose another name, or use `lob key rotate`.";
    }
    "LOB-E0708" 4 "key-error" {
        nl: "Het systeem gaf geen toevalsgetallen.",
            "Een sleutel zonder toeval is te raden.",
            "Probeer het later opnieuw, of op een andere computer.";
        en: "The system gave no random numbers.",
            "A key without chance can be guessed.",
            "Try again later, or on another computer.";
    }
    "LOB-E0709" 3 "privacy-error" {
        nl: "Twee nummers kregen hetzelfde pseudoniem.",
            "Twee leerlingen zouden als één tellen. Dit is vrijwel onmogelijk en wijst op een fout van ons.",
            "Maak een nieuwe sleutel en meld dit.";
        en: "Two ids got the same pseudonym.",
            "Two pupils would count as one. This is all but impossible and points to a mistake of ours.",
            "Make a new key and report this.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_found_however_they_are_written() {
        assert!(CODES.windows(2).all(|pair| pair[0].id < pair[1].id));
        for written in ["LOB-E0101", "lob-e0101", "E0101", "0101"] {
            assert_eq!(code(written).map(|c| c.id), Some("LOB-E0101"), "{written}");
        }
        assert!(code("LOB-E9999").is_none() && code("").is_none());
    }

    #[test]
    fn every_explanation_says_something_in_both_languages() {
        for c in CODES {
            for e in [c.nl, c.en] {
                for text in [e.what, e.why, e.todo] {
                    assert!(text.len() > 10 && text.ends_with('.'), "{}: {text}", c.id);
                }
            }
            assert_ne!(c.nl.what, c.en.what, "{}", c.id);
        }
    }
}
