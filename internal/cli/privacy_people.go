package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// people is the answer of "privacy people".
type people struct {
	People []namedPerson `json:"people"`
}

// namedPerson is a row of the table that names people.
type namedPerson struct {
	Pseudonym string    `json:"pseudonym"`
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	Login     string    `json:"login"`
	Source    string    `json:"source"`
	AddedAt   time.Time `json:"added_at"`
}

func (p *Program) privacyPeopleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "people",
		Short: "List the names that pseudonyms were given",
		Long: `The table of people is the only place that names anybody. It is empty unless
somebody fills it ("whodid privacy name"). Who looks into it is recorded.`,
		Example: `  whodid privacy people
  whodid privacy people --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			w, who, err := p.approvalPen(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			list, err := w.trail.store.People(c.Context(), p.org)
			if err != nil {
				return err
			}
			if _, err := p.tellPrivacy(c.Context(), w, who, "view.read", "", whodid.Data{"route": "privacy people"}); err != nil {
				return err
			}
			answer := people{People: []namedPerson{}}
			for i := range list {
				answer.People = append(answer.People, namedPerson(list[i]))
			}
			if p.json {
				return p.printJSON(answer)
			}
			o := p.out()
			if len(answer.People) == 0 {
				p.advise(o, "Nobody is named.")
				return nil
			}
			t := o.Table(term.Column{Title: "PSEUDONYM", Whole: true}, term.Column{Title: "NAME"}, term.Column{Title: "EMAIL"}, term.Column{Title: "LOGIN"}, term.Column{Title: "SOURCE"})
			for _, x := range answer.People {
				t.Row(term.Text(x.Pseudonym), term.Text(x.Name), term.Text(x.Email), term.Text(x.Login), term.Text(x.Source))
			}
			return t.Write()
		},
	}
}

func (p *Program) privacyNameCommand() *cobra.Command {
	var x store.Person
	c := &cobra.Command{
		Use:   "name PERSON",
		Short: "Give a pseudonym a name, in the table apart",
		Example: `  whodid privacy name p7k2m9q4tz8w1c3a --name "Ada Lovelace" --email ada@example.com
  whodid privacy name ada@example.com --login ada`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if x.Name+x.Email+x.Login == "" {
				return misuse(errors.New("there is no name"), "say at least one of --name, --email, --login")
			}
			return p.changePeople(c.Context(), args[0], "privacy.name", func(ctx context.Context, t *trail, pseudonym string) (bool, error) {
				x.Pseudonym, x.Source, x.AddedAt = pseudonym, "cli", p.Now()
				_, err := t.store.PutPerson(ctx, p.org, &x)
				return true, err
			})
		},
	}
	c.Flags().StringVar(&x.Name, "name", "", "the person's name")
	c.Flags().StringVar(&x.Email, "email", "", "their e-mail address")
	c.Flags().StringVar(&x.Login, "login", "", "their login")
	return c
}

func (p *Program) privacyForgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forget PERSON",
		Short: "Take a person's name away; their pseudonym and events stay",
		Long: `Takes a row out of the table of people. Events know the person by a pseudonym, as
before; "whodid privacy erase" takes that too.`,
		Example: "  whodid privacy forget p7k2m9q4tz8w1c3a",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return p.changePeople(c.Context(), args[0], "privacy.forget", func(ctx context.Context, t *trail, pseudonym string) (bool, error) {
				return t.store.ForgetPerson(ctx, p.org, pseudonym)
			})
		},
	}
}

// changePeople changes the table of people and records that it was.
func (p *Program) changePeople(ctx context.Context, given, what string, change func(context.Context, *trail, string) (bool, error)) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	sel, err := p.personSelector(w.trail, given)
	if err != nil {
		return err
	}
	changed := 0
	for _, pseudonym := range sel.Pseudonyms {
		did, err := change(ctx, w.trail, pseudonym)
		if err != nil {
			return err
		}
		if !did {
			continue
		}
		changed++
		if _, err := p.tellPrivacy(ctx, w, who, what, whodid.HumanActor(pseudonym), nil); err != nil {
			return err
		}
		if !p.json {
			fmt.Fprintln(p.Stdout, pseudonym)
		}
	}
	if changed == 0 {
		return privacy.ErrNothing
	}
	if p.json {
		return p.printJSON(renamed{Pseudonyms: sel.Pseudonyms})
	}
	return nil
}

// renamed is the answer of "privacy name" and "privacy forget".
type renamed struct {
	Pseudonyms []string `json:"pseudonyms"`
}
