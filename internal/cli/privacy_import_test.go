package cli

import (
	"strings"
	"testing"
)

func TestParsePeople(t *testing.T) {
	t.Parallel()
	list, err := parsePeople(strings.NewReader("\ufeffDisplay Name,department,Mail,uid\r\nAda Lovelace,Engines,ada@example.com,ada\r\n,,,\r\n\"Babbage, Charles\",Engines,,charles\r\n"))
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if want := (listedPerson{line: 2, person: "ada@example.com", name: "Ada Lovelace", email: "ada@example.com", login: "ada"}); list[0] != want {
		t.Errorf("%+v", list[0])
	}
	if want := (listedPerson{line: 4, person: "@charles", name: "Babbage, Charles", login: "charles"}); list[1] != want {
		t.Errorf("%+v", list[1])
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"no column":            "a,b\nx,y\n",
		"nobody":               "person,name\nquagga zebra,Quagga\n",
		"a name without whom":  "name\nQuagga\n",
		"a person, no name":    "person\np7k2m9q4tz8w1c3a\n",
		"a bare quote":         "name,email\nQua\"gga,quagga@example.com\n",
		"a control character":  "name,email\nQua\x1b[31mgga,quagga@example.com\n",
		"a very long name":     "name,email\n" + strings.Repeat("quagga", 100) + ",quagga@example.com\n",
		"what is no text":      "name,email\nqua\xffgga,quagga@example.com\n",
		"a quote without end":  "name,email\n\"quagga,quagga@example.com\n",
		"only an empty header": "\n\n",
	} {
		if list, err := parsePeople(strings.NewReader(text)); err == nil {
			t.Errorf("%s is taken for %+v", name, list)
		} else if strings.Contains(strings.ToLower(err.Error()), "quagga") {
			t.Errorf("%s: the error says who it is: %v", name, err)
		}
	}
}

// FuzzPeople looks for a list that breaks the parser, or of which something comes
// that can't be shown.
func FuzzPeople(f *testing.F) {
	f.Add("person,name\n@ada,Ada\n")
	f.Add("email,login\nada@example.com,ada\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parsePeople(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, x := range list {
			if !isPerson(x.person) || strings.ContainsAny(x.name+x.email+x.login, "\x00\x1b\n") {
				t.Errorf("%+v", x)
			}
		}
	})
}
