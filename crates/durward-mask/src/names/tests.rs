//! What names are read as.

mod data;

use durward_model::Label;

use super::{Claim, Reading, Subject, read, read_comment, words};

/// What a name says, in a line: a label, and how it is turned around.
fn said(table: &str, column: &str) -> String {
    let Reading { claims, harmless } = read(column, &Subject::of_table(table));
    match (claims.first(), harmless) {
        (
            Some(Claim {
                label,
                turn: Some(turn),
                ..
            }),
            _,
        ) => format!("not {label}: {:?}", turn.kind),
        (
            Some(Claim {
                label, weight: 60.., ..
            }),
            _,
        ) => label.to_string(),
        (Some(Claim { label, .. }), _) => format!("{label}?"),
        (None, Some(_)) => "harmless".to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

fn check(expected: &str, names: &[&str]) {
    let wrong: Vec<String> = names
        .iter()
        .map(|name| (name, name.split_once('.').unwrap_or(("t", name))))
        .filter(|(_, (table, column))| said(table, column) != expected)
        .map(|(name, (table, column))| format!("{name}: {} instead of {expected}", said(table, column)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn identifiers_fall_into_words() {
    let cases = [
        ("first_name", "first name"),
        ("FirstName", "first name"),
        ("firstName2", "first name2"),
        ("IPAddress", "ip address"),
        ("userID", "user id"),
        ("strName", "name"),
        ("kebab-case-name", "kebab case name"),
        ("Straße", "strasse"),
        ("dateDeNaissance", "date de naissance"),
        ("số_điện_thoại", "so dien thoai"),
        ("ログインID", "ログイン id"),
        ("ＴＥＬ", "tel"),
        ("ім'я", "імя"),
        ("", ""),
        ("__", ""),
    ];
    for (identifier, expected) in cases {
        assert_eq!(words(identifier).join(" "), expected, "{identifier}");
    }
}

#[test]
fn emails_and_phones_are_known_in_many_languages() {
    check(
        "email",
        &[
            "email",
            "e_mail",
            "EMAIL_ADDR",
            "contactEmail",
            "correo",
            "correo_electronico",
            "courriel",
            "adresse_mail",
            "sahkoposti",
            "eposta",
            "メールアドレス",
            "邮箱",
            "이메일",
            "barid_elektroni",
            "thu_dien_tu",
            "smtp_addr",
            "custemail",
            "kundenemail",
            "endereco_email",
            "indirizzo_email",
            "adres_email",
            "электронная_почта",
            "surel",
            "emailAddress2",
            "e_post",
        ],
    );
    check(
        "phone",
        &[
            "phone",
            "phone_number",
            "PhoneNo",
            "tel",
            "telefono",
            "telefonnummer",
            "telefone",
            "numero_de_telephone",
            "handynr",
            "mobile",
            "cell_phone",
            "mobilnr",
            "puhelinnumero",
            "nr_telefonu",
            "telefonni_cislo",
            "telefonszam",
            "cep_telefonu",
            "телефон",
            "電話番号",
            "携帯電話番号",
            "手机号码",
            "전화번호",
            "no_hp",
            "so_dien_thoai",
            "raqm_hatif",
            "TELF1",
            "custphone",
            "celular",
            "matkapuhelin",
            "whatsapp",
            "fax",
            "kundentelefonnummer",
            "sdt",
            "home_tel",
        ],
    );
}

#[test]
fn people_are_known_by_their_names() {
    check(
        "person_name",
        &[
            "first_name",
            "lname",
            "surname",
            "customer_name",
            "custname",
            "apellidos",
            "prenom",
            "nom_de_famille",
            "vorname",
            "nachname",
            "cognome",
            "voornaam",
            "efternavn",
            "sukunimi",
            "imie",
            "nazwisko",
            "prijmeni",
            "vezeteknev",
            "soyadi",
            "фамилия",
            "ФИО",
            "fio",
            "επώνυμο",
            "氏名",
            "顧客名",
            "姓名",
            "收货人",
            "성명",
            "nama_lengkap",
            "ho_ten",
            "customers.name",
            "patients.nombre",
            "mitarbeiter.name",
            "clientes.nombre",
            "employees.NAME",
            "users.full_name",
            "card_holder_name",
            "VORNA",
            "NACHN",
            "kna1.NAME1",
            "emergency_contact_name",
            "poora_naam",
            "users.display_name",
            "nombre_cliente",
            "musteriler.adi",
            "nome_cliente",
            "mothers_name",
            "maiden_name",
        ],
    );
    check("person_name?", &["name", "nombre", "customer", "author"]);
    check(
        "harmless",
        &[
            "product_name",
            "file_name",
            "filename",
            "table_name",
            "host_name",
            "hostname",
            "brand_name",
            "city_name",
            "products.name",
            "countries.name",
            "plans.name",
            "company_name",
            "nombre_producto",
            "nom_fichier",
            "productos.nombre",
            "pays.nom",
            "roles.name",
            "categories.name",
            "warehouses.name",
            "departments.name",
            "event_types.name",
            "produktname",
            "firmenname",
            "project_name",
            "job_title",
            "column_name",
            "店舗名",
            "商品名",
            "产品名称",
            "상품명",
            "nama_produk",
            "urun_adi",
            "nazwa_produktu",
            "tags.name",
            "currency_name",
            "customer_orders.order_name",
            "suppliers.name",
            "cities.nombre",
        ],
    );
}

#[test]
fn what_is_about_data_does_not_hold_them() {
    check(
        "not email: Flag",
        &[
            "email_verified",
            "is_email_valid",
            "email_opt_in",
            "has_email",
            "email_notifications_enabled",
            "correo_verificado",
        ],
    );
    check(
        "not email: Time",
        &["email_sent_at", "email_verified_at", "fecha_correo"],
    );
    check(
        "not phone: Count",
        &["phone_count", "total_phones", "cantidad_telefonos"],
    );
    check(
        "not password: Time",
        &["password_changed_at", "password_expires_at", "password_last_changed"],
    );
    check(
        "not password: Count",
        &["password_reset_count", "password_length", "password_attempts"],
    );
    check(
        "not salary: Aspect",
        &["salary_currency", "salary_grade", "salary_type"],
    );
    check("not secret: Aspect", &["api_key_status", "token_type"]);
    check("not secret: Time", &["token_expires_at"]);
    check("not secret: Count", &["token_count"]);

    check("not passport: Flag", &["passport_required"]);
    check(
        "not street_address: Aspect",
        &["address_type", "tipo_direccion", "type_adresse"],
    );
    check("not street_address: Reference", &["address_id", "shipping_address_id"]);
    check("not phone: Aspect", &["phone_type", "phone_model"]);
    check(
        "not email: Aspect",
        &["email_template", "email_domain", "email_provider"],
    );
    check(
        "harmless",
        &[
            "gender_policy",
            "content_hash",
            "sha256",
            "public_key",
            "file_hash",
            "city",
            "birth_country",
            "address_city",
            "quantity",
            "created_at",
            "sku",
            "status",
            "order_number",
            "last_login_at",
            "age",
            "checksum",
            "etag",
            "customer_id",
            "order_id",
            "ip_version",
        ],
    );
}

#[test]
fn numbers_of_people_cards_and_accounts_are_known() {
    check(
        "national_id",
        &[
            "ssn",
            "SSN_NO",
            "cpf",
            "dni",
            "national_id",
            "personnummer",
            "fodselsnummer",
            "pesel",
            "bsn",
            "codice_fiscale",
            "rodne_cislo",
            "cnp",
            "tckn",
            "tc_kimlik_no",
            "nik",
            "no_ktp",
            "aadhaar_number",
            "снилс",
            "身份证号",
            "주민등록번호",
            "マイナンバー",
            "hetu",
            "curp",
            "social_security_number",
            "numero_securite_sociale",
            "amka",
            "cccd",
            "shenfenzheng",
            "henkilotunnus",
            "szemelyi_szam",
        ],
    );
    check(
        "passport",
        &[
            "passport",
            "passport_no",
            "pasaporte",
            "reisepassnummer",
            "護照號碼",
            "паспорт",
            "passport_number",
        ],
    );
    check(
        "driving_licence",
        &[
            "driving_licence_number",
            "driver_license",
            "fuehrerschein",
            "permis_de_conduire",
            "cnh",
        ],
    );
    check(
        "tax_id",
        &[
            "tax_id",
            "vat_number",
            "steuernummer",
            "partita_iva",
            "inn",
            "cnpj",
            "npwp",
            "STCD1",
            "ust_id",
            "gstin",
        ],
    );
    check(
        "card_number",
        &[
            "card_number",
            "cc_num",
            "credit_card",
            "numero_tarjeta",
            "kreditkartennummer",
            "卡号",
            "カード番号",
            "cards.number",
            "pan",
        ],
    );
    check("card_code", &["cvv", "cvc2", "card_cvv", "security_code"]);
    check("iban", &["iban", "IBAN_NO", "customer_iban"]);
    check(
        "bank_account",
        &[
            "bank_account",
            "kontonummer",
            "account_number",
            "numero_de_cuenta",
            "口座番号",
            "银行账号",
            "계좌번호",
            "BANKN",
        ],
    );
    check(
        "birth_date",
        &[
            "dob",
            "date_of_birth",
            "birthDate",
            "birthday",
            "fecha_nacimiento",
            "data_de_nascimento",
            "geburtsdatum",
            "date_naissance",
            "datum_narozeni",
            "syntymaaika",
            "dogum_tarihi",
            "дата_рождения",
            "生年月日",
            "出生日期",
            "생년월일",
            "tgl_lahir",
            "ngay_sinh",
            "GBDAT",
            "dtnasc",
            "foedselsdato",
            "tarikh_milad",
            "fec_nac",
            "birth_year",
        ],
    );
}

#[test]
fn places_secrets_and_stories_are_known() {
    check(
        "street_address",
        &[
            "address",
            "street",
            "address_line_1",
            "addr1",
            "direccion",
            "rue",
            "strasse",
            "Straße",
            "hausnummer",
            "住所",
            "地址",
            "STRAS",
            "shipping_address",
            "adres",
            "osoite",
            "ulica",
            "adresse_postale",
            "calle",
            "alamat",
            "dia_chi",
            "bill_to_addr",
            "indirizzo",
        ],
    );
    check(
        "postcode",
        &[
            "zip",
            "postcode",
            "plz",
            "code_postal",
            "cep",
            "cap",
            "PSTLZ",
            "郵便番号",
            "postal_code",
            "kode_pos",
            "psc",
            "zip_code",
        ],
    );
    check(
        "ip_address",
        &[
            "ip",
            "ip_address",
            "client_ip",
            "remote_addr",
            "last_login_ip",
            "direccion_ip",
            "ipAddr",
            "adresse_ip",
        ],
    );
    check("mac_address", &["mac", "mac_address", "MacAddr", "hw_addr"]);
    check(
        "location",
        &[
            "lat",
            "lng",
            "latitude",
            "gps_position",
            "coordinates",
            "latitud",
            "緯度",
        ],
    );
    check("harmless", &["warehouses.latitude", "cities.lat"]);
    check(
        "username",
        &[
            "username",
            "user_name",
            "login_name",
            "nickname",
            "benutzername",
            "nom_utilisateur",
            "created_by",
            "BNAME",
        ],
    );
    check(
        "password",
        &[
            "password",
            "passwd",
            "pwd",
            "contrasena",
            "mot_de_passe",
            "senha",
            "passwort",
            "losenord",
            "密码",
            "パスワード",
            "heslo",
        ],
    );
    check(
        "password_hash",
        &[
            "password_hash",
            "passwordDigest",
            "hashed_password",
            "encrypted_password",
            "pwd_hash",
            "password_sha256",
        ],
    );
    check(
        "secret",
        &[
            "api_key",
            "apiKey",
            "secret",
            "access_token",
            "refresh_token",
            "client_secret",
            "private_key",
            "password_reset_token",
            "webhook_secret",
            "otp",
            "connection_string",
            "api_keys.key",
            "salt",
        ],
    );
    check(
        "salary",
        &[
            "salary",
            "sueldo",
            "gehalt",
            "salaire",
            "stipendio",
            "palkka",
            "lon_per_maned.lon",
            "зарплата",
            "base_salary",
            "salary_amount",
            "gaji",
            "salaries.amount",
        ],
    );
    check(
        "health",
        &[
            "diagnosis",
            "patients.allergies",
            "diagnostico",
            "blood_type",
            "medical_history",
            "diagnoza",
            "krankheiten",
            "病名",
            "golongan_darah",
            "icd10_code",
        ],
    );
    check(
        "free_text",
        &[
            "notes",
            "remarks",
            "observaciones",
            "bemerkung",
            "備考",
            "customer_notes",
            "internal_notes",
            "bio",
        ],
    );
    check(
        "untrusted",
        &[
            "comment",
            "message",
            "tickets.description",
            "tickets.body",
            "review_text",
            "messages.text",
            "feedback",
            "posts.body",
            "reviews.content",
        ],
    );
}

#[test]
fn tables_are_known_by_what_they_are_about() {
    check(
        "person_name",
        &[
            "tbl_customers.name",
            "tabla_clientes.nombre",
            "employee_master.name",
            "customer_history.name",
            "dimPatient.Name",
            "tblStudents.name",
            "contact_list.name",
        ],
    );
    check(
        "harmless",
        &[
            "tbl_products.name",
            "customer_types.name",
            "order_items.name",
            "user_roles.name",
            "dim_product.name",
        ],
    );
}

#[test]
fn unknown_names_say_nothing() {
    check("harmless", &["platform", "captain", "formation", "continental"]);
    check("nothing", &["c1", "col_17", "x", "zzz", "matrix"]);
}

#[test]
fn comments_claim_what_their_first_words_say() {
    let label = |comment| read_comment(comment).map(|claim| claim.label);
    assert_eq!(label("E-mail address of the customer"), Some(Label::Email));
    assert_eq!(label("Geburtsdatum des Patienten"), Some(Label::BirthDate));
    assert_eq!(label("whether the email was verified"), None);
    assert_eq!(label("internal use"), None);
}
