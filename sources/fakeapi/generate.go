package fakeapi

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// GenerateID returns the nth id of a seed. It looks like the vendor's: a UUID at
// first sight, but some have letters in them that no UUID has.
func GenerateID(seed uint64, n int) string {
	const hex = "0123456789abcdef"
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	id := []byte("00000000-0000-0000-0000-000000000000")
	for i := range id {
		if id[i] != '-' {
			id[i] = hex[r.IntN(len(hex))]
		}
	}
	if r.IntN(2) == 0 {
		id[9] = "ijr"[r.IntN(3)]
	}
	return string(id)
}

// usualRow is about how long a result is, in bytes.
const usualRow = 300

// Generate makes up a finished bulk e-mail search: the same for the same id,
// number of rows and seed, and about 270 bytes a row. Two in three searches found
// somebody, and only those have an info; some of them have a gender. Names are of
// any script, the persons and companies are invented, and their domains are
// reserved ones that nobody can have.
func Generate(id string, rows int, seed uint64) Batch {
	return GenerateKind(schema.EmailFind.Kind, id, rows, seed)
}

// GenerateKind is Generate for any kind that the API has; of another it panics.
// The envelopes differ as the vendor's do.
func GenerateKind(kind, id string, rows int, seed uint64) Batch {
	return generate(kind, id, rows, seed, nil)
}

// generate is GenerateKind for a batch that has custom, JSON, attached to it; something
// made up if it is nil.
func generate(kind, id string, rows int, seed uint64, custom []byte) Batch {
	table, known := schema.TableByKind(kind)
	g := generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	maker, made := makers[kind]
	if !known || !made {
		panic("no such kind: " + kind)
	}
	results := append(make([]byte, 0, rows*usualRow), '[')
	found := 0
	for i := range rows {
		if i > 0 {
			results = append(results, ',')
		}
		hit := g.IntN(3) < 2
		if hit {
			found++
		}
		results = maker.result(g, results, i, hit)
	}
	results = append(results, ']')

	body := appendQuoted([]byte(`{"general":{"id":`), id)
	body = append(body, `,"status":"completed","custom":`...)
	if custom == nil {
		custom = []byte(g.batchCustom())
	}
	body = append(body, custom...)
	body = append(body, '}')
	if maker.resultsFirst {
		body = append(append(body, `,"results":`...), results...)
	}
	body = maker.stats(append(body, `,"stats":{`...), rows, found)
	body = append(body, '}')
	if !maker.resultsFirst {
		body = append(append(body, `,"results":`...), results...)
	}
	return Batch{ID: id, Table: table, Body: append(body, '}'), Requested: rows}
}

// maker is how the answers of one kind look.
type maker struct {
	result       func(g generator, dst []byte, i int, hit bool) []byte
	stats        func(dst []byte, rows, found int) []byte
	resultsFirst bool // before the stats
	most         int  // searches in a batch
}

var makers = map[string]maker{
	schema.EmailFind.Kind:   {generator.appendEmail, appendEmailStats, false, 5000},
	schema.EmailVerify.Kind: {generator.appendVerification, appendVerificationStats, true, 5000},
	schema.PhoneFind.Kind:   {generator.appendPhone, appendPhoneStats, true, 3000},
}

// appendEmailStats has the vendor's credits: one for each search, given back for
// those that found nothing.
func appendEmailStats(dst []byte, rows, valid int) []byte {
	dst = appendInt(append(dst, `"finished":`...), rows)
	dst = appendInt(append(dst, `,"requested":`...), rows)
	dst = appendInt(append(dst, `,"valid":`...), valid)
	dst = appendInt(append(dst, `,"credits_cost":{"initial":`...), rows)
	dst = appendInt(append(dst, `,"refunded":`...), rows-valid)
	dst = appendInt(append(dst, `,"final":`...), valid)
	return append(dst, '}')
}

// appendVerificationStats has a quarter of a credit for each verification.
func appendVerificationStats(dst []byte, rows, valid int) []byte {
	dst = appendInt(append(dst, `"requested":`...), rows)
	dst = appendInt(append(dst, `,"valid":`...), valid)
	dst = append(dst, `,"credits_cost":`...)
	return strconv.AppendFloat(dst, float64(rows)/4, 'f', -1, 64)
}

func appendPhoneStats(dst []byte, rows, found int) []byte {
	dst = appendInt(append(dst, `"requested":`...), rows)
	dst = appendInt(append(dst, `,"finished":`...), rows)
	dst = appendInt(append(dst, `,"found":`...), found)
	dst = appendInt(append(dst, `,"credits_cost":`...), rows)
	return appendInt(append(dst, `,"credits_to_refund":`...), rows-found)
}

type generator struct{ *rand.Rand }

// name is a name with what stands for it in an address.
type name struct{ text, ascii string }

var firstNames = []struct {
	name
	gender string
}{
	{name{"Ada", "ada"}, "female"},
	{name{"Bjørn", "bjorn"}, "male"},
	{name{"Chloé", "chloe"}, "female"},
	{name{"Dmitri", "dmitri"}, "male"},
	{name{"Eun-ji", "eun-ji"}, "female"},
	{name{"François", "francois"}, "male"},
	{name{"Γιώργος", "giorgos"}, "male"},
	{name{"Hana", "hana"}, "female"},
	{name{"İrem", "irem"}, "female"},
	{name{"Jürgen", "jurgen"}, "male"},
	{name{"Katarzyna", "katarzyna"}, "female"},
	{name{"Łukasz", "lukasz"}, "male"},
	{name{"美咲", "misaki"}, "female"},
	{name{"Nuño", "nuno"}, "male"},
	{name{"Ольга", "olga"}, "female"},
	{name{"Priya", "priya"}, "female"},
	{name{"Samuel", "samuel"}, "male"},
	{name{"יעל", "yael"}, "female"},
}

var lastNames = []name{
	{"Ångström-Lee", "angstrom-lee"},
	{"Brightwater", "brightwater"},
	{"Černý", "cerny"},
	{"D'Arcy", "darcy"},
	{"Fernández", "fernandez"},
	{"Groß", "gross"},
	{"Ivanova", "ivanova"},
	{"Kowalczyk", "kowalczyk"},
	{"山田", "yamada"},
	{"Nakamura", "nakamura"},
	{"O'Neill", "oneill"},
	{"Παπαδάκης", "papadakis"},
	{"Quartermain", "quartermain"},
	{"Şahin", "sahin"},
	{"van der Meer", "vandermeer"},
	{"Zhou", "zhou"},
}

var companies = []struct{ name, domain string }{
	{"Alpenglow", "alpen.example"},
	{"Blue \"Heron\" & Sons", "heron.example.com"},
	{"Café Numérique", "numerique.example"},
	{"Driftwood Labs", "drift.test"},
	{"Évora Robótica", "evora.example.org"},
	{"Förde Werke", "foerde.example"},
	{"Granite Peak", "granite.example.net"},
	{"株式会社はやぶさ", "haya.example"},
	{"Ivory Lighthouse", "ivory.test"},
	{"Juniper & Oak", "oak.example"},
}

// appendVerification appends the result of verification i, whose index is no
// number.
func (g generator) appendVerification(dst []byte, _ int, valid bool) []byte {
	first, last := firstNames[g.IntN(len(firstNames))], lastNames[g.IntN(len(lastNames))]
	address := first.ascii + "." + last.ascii + "@" + companies[g.IntN(len(companies))].domain
	dst = appendQuoted(append(dst, `{"email":`...), address)
	dst = appendMember(dst, "index", GenerateID(g.Uint64(), 0))
	qualification := "invalid"
	if valid {
		qualification = "valid"
	}
	return append(appendMember(dst, "qualification", qualification), '}')
}

// appendPhone appends the result of phone search i. Names come in both of the
// vendor's spellings.
func (g generator) appendPhone(dst []byte, i int, found bool) []byte {
	first, last := firstNames[g.IntN(len(firstNames))], lastNames[g.IntN(len(lastNames))]
	company := companies[g.IntN(len(companies))]
	dst = append(appendInt(append(dst, `{"index":`...), i), `,"qualification":`...)
	if found {
		country := countries[g.IntN(len(countries))]
		dst = appendMember(append(dst, `"found"`...), "number", country.prefix+strconv.Itoa(1_000_000+g.IntN(9_000_000)))
		dst = appendMember(dst, "country", country.code)
	} else {
		dst = append(dst, `"not_found"`...)
	}
	firstKey, lastKey := "firstname", "lastname"
	if g.IntN(2) == 0 {
		firstKey, lastKey = "first_name", "last_name"
	}
	dst = appendQuoted(append(dst, `,"params":{"company_domain":`...), company.domain)
	if g.IntN(3) == 0 {
		dst = appendMember(dst, "linkedin_url", "https://www.linkedin.com/in/"+first.ascii+"-"+last.ascii)
	} else {
		dst = appendMember(appendMember(dst, firstKey, first.text), lastKey, last.text)
		dst = appendMember(dst, "company_name", company.name)
	}
	dst = append(dst, '}')
	if g.IntN(2) == 0 {
		dst = appendMember(dst, "custom", "lead_"+strconv.Itoa(i+1))
	}
	return append(dst, '}')
}

// countries are where phones are found.
var countries = []struct{ code, prefix string }{{"US", "+1555"}, {"FR", "+3326"}, {"GB", "+4470"}}

// appendEmail appends the result of search i.
func (g generator) appendEmail(dst []byte, i int, found bool) []byte {
	first, last := firstNames[g.IntN(len(firstNames))], lastNames[g.IntN(len(lastNames))]
	company := companies[g.IntN(len(companies))]
	fullname := first.text + " " + last.text

	dst = append(appendInt(append(dst, `{"index":"`...), i), `","qualification":`...)
	if found {
		address := first.ascii + "." + last.ascii + "@" + company.domain
		dst = appendMember(append(dst, `"valid"`...), "email", address)
		dst = append(dst, `,"info":{"domain":`...)
		dst = appendQuoted(dst, company.domain)
		dst = appendMember(dst, "firstname", first.text)
		dst = appendMember(dst, "lastname", last.text)
		if g.IntN(6) == 0 {
			dst = appendMember(dst, "fullname", fullname)
		}
		if g.IntN(3) == 0 {
			dst = appendMember(dst, "gender", first.gender)
		}
		if g.IntN(6) == 0 {
			dst = appendMember(dst, "company_domain", company.domain)
		}
		dst = append(dst, `,"companyInfo":{"name":`...)
		dst = append(appendQuoted(dst, company.name), "}}"...)
	} else {
		dst = append(dst, `"invalid","email":null`...)
	}

	dst = append(dst, `,"raw_params":{`...)
	if g.IntN(4) == 0 {
		dst = appendQuoted(append(dst, `"company_name":`...), company.name)
	} else {
		dst = appendQuoted(append(dst, `"company_domain":`...), company.domain)
	}
	dst = append(appendMember(dst, "fullname", fullname), '}')
	return append(g.appendCustom(dst, i), '}')
}

// appendCustom appends what was attached to search i: a string or an object,
// or nothing at all.
func (g generator) appendCustom(dst []byte, i int) []byte {
	switch k := g.IntN(10); {
	case k < 7:
		number := strconv.Itoa(i + 1)
		return appendMember(dst, "custom", "lead_"+strings.Repeat("0", max(3-len(number), 0))+number)
	case k < 9:
		dst = appendInt(append(dst, `,"custom":{"crm_id":`...), 100_000+g.IntN(900_000))
		dst = append(dst, `,"score":`...)
		dst = strconv.AppendFloat(dst, float64(g.IntN(400))/4, 'f', 2, 64)
		return append(dst, `,"tags":["été"]}`...)
	}
	return dst
}

func (g generator) batchCustom() string {
	return []string{`"campaign_q2"`, `{"campaign":"été","quarter":2}`, `null`}[g.IntN(3)]
}

func appendMember(dst []byte, key, value string) []byte {
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return appendQuoted(dst, value)
}

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendQuoted appends the JSON string of s, which must be valid UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	dst, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		panic(err)
	}
	return dst
}
