package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// maxDirectory is how large a file of people may be, in bytes, and maxName how
// long what it says of one, each.
const (
	maxDirectory = 16 << 20
	maxName      = 200
)

func (p *Program) privacyImportCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Give pseudonyms the names that a list of people has, as a directory exports it",
		Long: `Reads a CSV file (- is standard input) whose first line names its columns: name,
email, login, and person, which is how the trail may know them: a pseudonym, an
address, @login of a forge, or an identity such as oidc:ISSUER#SUBJECT. Without
person the address says who it is, else the login. Other columns are passed over.

Only those are taken whom the trail knows, unless --all is given: who never did
anything here need not be named here.`,
		Example: `  whodid privacy import people.csv
  ldapsearch … | to-csv | whodid privacy import -`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.importPeople(c.Context(), args[0], all) },
	}
	c.Flags().BoolVar(&all, "all", false, "name those too of whom the trail knows nothing")
	return c
}

// listedPerson is one line of a list of people.
type listedPerson struct {
	line                       int
	person, name, email, login string
}

// importedPeople is the answer of "privacy import".
type importedPeople struct {
	// Named are the pseudonyms that were given a name, or another one.
	Named []string `json:"named"`
	// Lines are those with somebody on them; Unknown those of whom the trail knows
	// nothing.
	Lines   int `json:"lines"`
	Unknown int `json:"unknown"`
}

func (p *Program) importPeople(ctx context.Context, file string, all bool) error {
	list, err := p.readPeople(file)
	if err != nil {
		return err
	}
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if !whodid.IsHuman(who.Actor) {
		return &exitError{code: ExitNotAllowed, err: errors.New("only people name people; " + who.Actor + " is none")}
	}
	known := func(string) bool { return true }
	if !all {
		if known, err = w.trail.store.KnownPeople(ctx, p.org); err != nil {
			return err
		}
	}
	answer := importedPeople{Named: []string{}, Lines: len(list)}
	for i := range list {
		x := &list[i]
		sel, err := p.personSelector(w.trail, x.person)
		if err != nil {
			return fmt.Errorf("line %d: %w", x.line, err)
		}
		unknown := true
		for _, pseudonym := range sel.Pseudonyms {
			if !known(pseudonym) {
				continue
			}
			unknown = false
			changed, err := w.trail.store.PutPerson(ctx, p.org, &store.Person{
				Pseudonym: pseudonym, Name: x.name, Email: x.email, Login: x.login, Source: "import", AddedAt: p.Now(),
			})
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			answer.Named = append(answer.Named, pseudonym)
			if _, err := p.tellPrivacy(ctx, w, who, "privacy.name", whodid.HumanActor(pseudonym), nil); err != nil {
				return err
			}
		}
		if unknown {
			answer.Unknown++
		}
	}
	if p.json {
		return p.printJSON(answer)
	}
	for _, pseudonym := range answer.Named {
		fmt.Fprintln(p.Stdout, pseudonym)
	}
	if len(answer.Named) == 0 {
		p.advise(p.out(), "Nobody was named anew: of %d people the trail knows %d.", answer.Lines, answer.Lines-answer.Unknown)
	}
	return nil
}

// readPeople reads the file; what is wrong is told by its line, for the line says
// who somebody is.
func (p *Program) readPeople(file string) ([]listedPerson, error) {
	in := p.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("couldn't read the list of people: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	bounded := &io.LimitedReader{R: in, N: maxDirectory + 1}
	list, err := parsePeople(bounded)
	if bounded.N == 0 {
		return nil, fmt.Errorf("the list of people is larger than %d MiB", maxDirectory>>20)
	}
	if err != nil {
		return nil, misuse(err, "see: whodid privacy import --help")
	}
	return list, nil
}

// columnOfPeople is what a column is by the title that it has in the lists of
// directories; empty if it is passed over.
func columnOfPeople(title string) string {
	switch strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))) {
	case "person", "pseudonym", "identity":
		return "person"
	case "name", "displayname", "display name", "cn", "full name":
		return "name"
	case "email", "e-mail", "mail", "email address":
		return "email"
	case "login", "username", "user name", "uid", "samaccountname":
		return "login"
	default:
		return ""
	}
}

func parsePeople(in io.Reader) ([]listedPerson, error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	head, err := r.Read()
	if err != nil {
		return nil, errors.New("the list of people has no line that names its columns")
	}
	at := map[string]int{}
	for i, title := range head {
		if column := columnOfPeople(title); column != "" {
			if _, twice := at[column]; !twice {
				at[column] = i
			}
		}
	}
	if len(at) == 0 {
		return nil, errors.New("the first line of the list names none of the columns person, name, email, login")
	}
	var list []listedPerson
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fmt.Errorf("line %d of the list of people is no CSV", wrong.Line)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't read the list of people: %w", err)
		}
		line, _ := r.FieldPos(0)
		value := func(column string) string {
			if i, ok := at[column]; ok && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		x := listedPerson{line: line, person: value("person"), name: value("name"), email: value("email"), login: value("login")}
		if x.person == "" {
			x.person = x.email
		}
		if x.person == "" && x.login != "" {
			x.person = "@" + strings.TrimPrefix(x.login, "@")
		}
		switch {
		case x.person == "" && x.name == "":
			continue // an empty line
		case x.person == "" || !isPerson(x.person):
			return nil, fmt.Errorf("line %d of the list of people does not say whom it is about", line)
		case x.name+x.email+x.login == "":
			return nil, fmt.Errorf("line %d of the list of people has no name", line)
		}
		for _, said := range []string{x.name, x.email, x.login} {
			if len(said) > maxName || !utf8.ValidString(said) || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
				return nil, fmt.Errorf("line %d of the list of people has a name that is too long or can't be shown", line)
			}
		}
		list = append(list, x)
	}
}
