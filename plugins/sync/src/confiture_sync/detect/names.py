"""Names that columns of personal data have in several languages: see :mod:`confiture_sync.detect.words`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["CONTEXTUAL", "DOUBTFUL", "HARMLESS", "ORGANISATIONS", "PEOPLE", "STRONG"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_name(by_class: Mapping[str, str]) -> Mapping[str, str]:
    return {name: what for what, names in by_class.items() for name in names.split()}


# In all of these: the words of a name put together, in lower case, without accents and digits.

#: A column of such a name, whose type fits, is personal wherever it stands.
STRONG: Final = _by_name(
    {
        "email": """
            email mail emailaddress emailaddr mailaddress eaddress emails courriel adressemail adresseemail emailadresse
            mailadresse correo correoelectronico postaelettronica indirizzoemail epost emailadres enderecoemail
        """,
        "phone": """
            phone phonenum telnum phonenumber phoneno telephone telephonenumber telephoneno tel telno telnumber mobile
            mobilephone mobilenumber mobileno cellphone cellnumber fax faxnumber faxno msisdn whatsapp landline
            homephone workphone telefon telefonnummer telefonnr handynummer mobil mobilnummer telefono telefonos
            numerotelefono movil celular cellulare numerotelephone numtel telefone telemovel telefoon telefoonnummer
            mobiel gsm
        """,
        "name": """
            firstname fname forename givenname lastname lname surname familyname middlename maidenname fullname realname
            legalname birthname personname contactname customername clientname patientname employeename studentname
            membername ownername guestname recipientname sendername accountholder accountholdername cardholder
            cardholdername nameoncard mothername fathername spousename nextofkin emergencycontact prenom prenoms
            nomfamille nomdefamille nomcomplet nomclient nomnaissance vorname nachname familienname zuname geburtsname
            vollername kundenname apellido apellidos nombrecompleto nombrecliente primerapellido segundoapellido cognome
            nomecompleto sobrenome nomecliente voornaam achternaam tussenvoegsel volledigenaam
        """,
        "username": """
            username userlogin loginname screenname nickname twitterhandle instagram nomutilisateur benutzername
            nutzername spitzname nombreusuario apodo nomeutente nomeusuario apelido gebruikersnaam skypeid
        """,
        "address": """
            address addressline addressone addresstwo addr street streetaddress streetname streetline streetnumber
            housenumber homeaddress mailingaddress postaladdress billingaddress shippingaddress deliveryaddress
            residentialaddress adresse adressepostale rue numerorue adresselivraison adressefacturation anschrift
            strasse strassenname hausnummer lieferadresse rechnungsadresse wohnort direccion direccionenvio calle
            domicilio indirizzo viaindirizzo endereco logradouro adres straat straatnaam huisnummer
        """,
        "birth": """
            dob birthdate dateofbirth birthday birthyear yearofbirth birthplace placeofbirth datenaissance
            datedenaissance naissance lieunaissance geburtsdatum geburtstag geburtsjahr geburtsort fechanacimiento
            fechadenacimiento nacimiento datadinascita datanascita datanascimento nascimento geboortedatum geboortejaar
        """,
        "national-id": """
            ssn socialsecurity socialsecuritynumber socialsecurityno nationalid nationalidnumber nationalinsurance
            nationalinsurancenumber nino taxid taxnumber taxpayerid itin passport passportnumber passportno
            driverlicense driverslicense driverlicence drivinglicence driverlicensenumber licenceplate licenseplate
            numberplate idcard idcardnumber identitynumber identitycard personalid personalnumber personnummer nir
            numerosecuritesociale securitesociale numsecu numerofiscal passeport permisconduire plaqueimmatriculation
            steuernummer steuerid sozialversicherungsnummer ausweisnummer personalausweis reisepass reisepassnummer
            fuehrerschein dni nif pasaporte numeropasaporte curp codicefiscale partitaiva passaporto cpf bsn
            burgerservicenummer rijksregisternummer aadhaar medicareno medicarenumber mrn medicalrecordnumber
            patientnumber healthinsurancenumber nhsnumber
        """,
        "card": """
            creditcard creditcardnumber creditcardno ccnumber ccnum cardnumber cardno cardnum debitcard debitcardnumber
            primaryaccountnumber cvv cvc cvvtwo cardcvv cartebancaire cartecredit numerocarte kreditkarte
            kreditkartennummer kartennummer tarjeta tarjetacredito numerotarjeta cartadicredito numerocarta
            cartaocredito numerocartao creditkaart
        """,
        "bank": """
            iban ibannumber bic swiftcode bankaccount bankaccountnumber bankaccountno accountnumber accountno
            routingnumber sortcode rib comptebancaire numerocompte kontonummer bankverbindung kontoinhaber bankleitzahl
            cuentabancaria numerocuenta contobancario contacorrente contabancaria rekeningnummer
        """,
        "secret": """
            password passwords passwd pwd passphrase passcode passwordhash passwordsalt passwordhashed hashedpassword
            encryptedpassword passworddigest secret secretkey clientsecret appsecret sharedsecret webhooksecret
            totpsecret otpsecret totp otp mfasecret twofactorsecret apikey apitoken apisecret accesskey accesskeyid
            privatekey signingkey encryptionkey token accesstoken refreshtoken authtoken sessiontoken bearertoken
            resettoken passwordresettoken resetpasswordtoken confirmationtoken invitetoken remembertoken
            verificationtoken idtoken devicetoken pushtoken csrftoken sessionid sessionkey cookie cookies credentials
            recoverycode recoverycodes backupcode backupcodes securityanswer securityquestion pincode motdepasse mdp
            jeton passwort kennwort geheimnis contrasena clavesecreta contrasegna parolachiave senha wachtwoord
        """,
        "ip": """
            ip ipaddress ipaddr ipv ipvfour ipvsix remoteip clientip lastip signupip currentsigninip lastsigninip
            remoteaddr adresseip ipadresse direccionip indirizzoip enderecoip ipadres
        """,
        "mac": """
            mac macaddress macaddr hwaddress hardwareaddress adressemac
        """,
        "sensitive": """
            diagnosis diagnoses medicalhistory medicalcondition medicalconditions bloodtype bloodgroup allergies
            disability sexualorientation politicalopinion politicalparty criminalrecord groupesanguin diagnose
            blutgruppe krankheit diagnostico gruposanguineo grupposanguigno orientationsexuelle
        """,
    }
)

#: Personal where the rest of the table speaks of a person: see ``judging``.
CONTEXTUAL: Final = _by_name(
    {
        "postcode": """
            postcode postalcode zip zipcode zipfour billingzip billingpostalcode shippingpostalcode codepostal cp plz
            postleitzahl codigopostal cap cep codicepostale
        """,
        "geo": """
            lat latitude lng lon long longitude latlng latlon latlong geolocation geopoint coordinates coords gps
            gpslocation lastlocation homelocation breitengrad laengengrad latitud longitud latitudine longitudine
            koordinaten coordonnees
        """,
        "gender": """
            gender sex sexe genre geschlecht genero sexo genere geslacht pronouns
        """,
        "sensitive": """
            religion ethnicity ethnicorigin race nationality citizenship maritalstatus familienstand
            staatsangehoerigkeit konfession nationalite etatcivil situationfamiliale nacionalidad estadocivil
            nazionalita statocivile diagnostic health healthstatus disabilities medication medications symptoms
            insurancenumber
        """,
        "pay": """
            salary wage wages income annualincome monthlyincome compensation payrate hourlyrate salaire revenu gehalt
            lohn einkommen salario sueldo ingresos stipendio reddito renda salaris networth creditscore
        """,
        "age": """
            age alter edad eta idade leeftijd
        """,
        "photo": """
            photo photourl avatar avatarurl picture pictureurl profilepicture profileimage profilephoto portrait selfie
            fingerprint signature faceid biometric foto bild unterschrift assinatura handtekening
        """,
        "name": """
            displayname preferredname alias initials kana contactperson ansprechpartner salutationname
        """,
        "username": """
            login handle externallogin identifiant pseudo twitter facebook linkedin github telegram signal skype
        """,
        "secret": """
            pin pass salt nonce
        """,
        "phone": """
            cell portable handy contactnumber numero telex pager
        """,
        "address": """
            residence addresslineone neighbourhood neighborhood
        """,
        "national-id": """
            tin rg nie kennzeichen
        """,
        "card": """
            pan
        """,
        "email": """
            mel posta
        """,
        "birth": """
            birth born geboren nato nacido
        """,
    }
)

#: The name of somebody where the table is one of people, and of something everywhere else.
DOUBTFUL: Final = frozenset({"name", "nom", "nombre", "nome", "naam"})

#: What looks like one of the above, and is none.
HARMLESS: Final = _words(
    """
    webaddress siteaddress walletaddress contractaddress memoryaddress streettype addresstype mailtype mailserver
    mailhost mailbox maildomain emaildomain emailtemplate mailtemplate tokentype tokencount tokenlimit maxtokens
    promptname tokens filename hostname domainname tablename servername pathname classname tagname phonemodel
    phonetype phonebrand mobileapp mobilefriendly telescope passrate passmark boardingpass skipass cookiepolicy
    locationid alterego countrycode phonecode dialcode callingcode secretquestionid mailcount ipcount macos
    macversion passcount
    """
)

#: The last word of a table in which each row is somebody.
PEOPLE: Final = _words(
    """
    user users customer customers client clients employee employees staff person persons people member members
    patient patients student students pupil pupils contact contacts subscriber subscribers profile profiles lead
    leads candidate candidates applicant applicants guest guests passenger passengers driver drivers teacher
    teachers doctor doctors physician physicians nurse nurses buyer buyers recipient recipients participant
    participants attendee attendees resident residents citizen citizens borrower borrowers donor donors volunteer
    volunteers visitor visitors tenant lodger owner owners worker workers operator operators beneficiary
    beneficiaries dependent dependents relative relatives spouse child children parent parents insured signer
    signers signatory signatories admin admins administrator administrators utilisateur utilisateurs personne
    personnes employe employes salarie salaries membre membres adherent adherents eleve eleves etudiant etudiants
    usager usagers benutzer nutzer kunde kunden mitarbeiter personen mitglied mitglieder patienten schueler
    studenten ansprechpartner kontakt kontakte angestellte usuario usuarios cliente clientes empleado empleados
    persona personas miembro miembros paciente pacientes alumno alumnos contacto contactos utente utenti clienti
    dipendente dipendenti persone socio soci paziente pazienti funcionario funcionarios pessoa pessoas membro
    membros klant klanten gebruiker gebruikers medewerker medewerkers personeel lid leden
    """
)

#: The last word of a table whose rows have names, telephones and addresses, and are nobody.
ORGANISATIONS: Final = _words(
    """
    company companies organisation organisations organization organizations store stores shop shops supplier
    suppliers vendor vendors school schools hospital hospitals branch branches venue venues hotel hotels restaurant
    restaurants product products warehouse warehouses office offices airport airports station stations agency
    agencies bank banks merchant merchants partner partners brand brands publisher publishers manufacturer
    manufacturers department departments team teams entreprise entreprises societe societes magasin magasins firma
    firmen lieferant lieferanten filiale filialen empresa empresas tienda tiendas proveedor proveedores azienda
    aziende negozio negozi
    """
)
