package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whodid/whodid/internal/config"
)

// arguments makes a wrong number of arguments an error of usage, with what to
// do next.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		switch {
		case err == nil:
			return nil
		case c.HasSubCommands() && len(args) > 0:
			return unknownCommand(c, args[0])
		case strings.Contains(err.Error(), "arg(s)"):
			err = miscounted(c, check, args)
		}
		return misuse(err, "usage: %s", c.UseLine())
	}
}

// miscounted says what is wrong with the number of arguments.
func miscounted(c *cobra.Command, check cobra.PositionalArgs, args []string) error {
	if len(args) == 0 {
		return errors.New("an argument is missing")
	}
	for n := range args {
		if check(c, args[:n]) == nil {
			return fmt.Errorf("%d arguments, and it takes %d; what belongs together stands in quotation marks", len(args), n)
		}
	}
	return fmt.Errorf("an argument is missing behind %q", args[len(args)-1])
}

// unknownCommand says what was most likely meant: a command of the group with a
// name like it, or one of that name elsewhere.
func unknownCommand(c *cobra.Command, name string) error {
	err := fmt.Errorf("unknown command %q for %q", name, c.CommandPath())
	var meant []string
	for _, n := range alike(name, namesOf(c)) {
		meant = append(meant, c.CommandPath()+" "+n)
	}
	root := c.Root()
	if len(meant) == 0 && slices.Contains(namesOf(root), name) {
		meant = append(meant, root.CommandPath()+" "+name)
	}
	if len(meant) == 0 && c == root {
		for _, group := range root.Commands() {
			if slices.Contains(namesOf(group), name) {
				meant = append(meant, group.CommandPath()+" "+name)
			}
		}
	}
	const most = 4 // else it is a word such as list, which many have
	if len(meant) == 0 || len(meant) > most {
		return misuse(err, "see: %s --help", c.CommandPath())
	}
	return misuse(err, "did you mean: %s", strings.Join(meant, ", or "))
}

func namesOf(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// alike are the names that somebody who wrote word most likely meant.
func alike(word string, names []string) []string {
	c := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	return c.SuggestionsFor(word)
}

// unknownFlag is an error of flags, with the flag that was most likely meant.
func unknownFlag(c *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if meant := alike(unknown.GetSpecifiedName(), names); len(meant) > 0 {
			return misuse(err, "did you mean: --%s? see: %s --help", strings.Join(meant, ", or --"), c.CommandPath())
		}
	}
	return misuse(err, "see: %s --help", c.CommandPath())
}

// group is what a command does that is a name for those below it.
func (p *Program) group(c *cobra.Command, _ []string) error {
	if p.json {
		return misuse(fmt.Errorf("%q by itself answers nothing", c.CommandPath()), "one of: %s", strings.Join(namesOf(c), ", "))
	}
	return c.Help()
}

// onlyHelpThereIs makes it an error to ask for help about a command that there is
// not, and for help as JSON.
func (p *Program) onlyHelpThereIs(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		switch {
		case c.HasSubCommands() && c.Flags().NArg() > 0:
			p.unhelped = unknownCommand(c, c.Flags().Arg(0))
		case p.json:
			p.unhelped = misuse(errors.New("help is for people, not JSON"), "leave --json out, or see what answers look like: %s schema", root.Name())
		default:
			help(c, args)
		}
	})
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err == nil && about.HasSubCommands() && len(rest) > 0 {
					err = unknownCommand(about, rest[0])
				}
				return err
			}
		}
	}
}

// settingMeant is a question after the settings that were most likely meant by
// those that are unknown.
func settingMeant(err error) string {
	unknown, ok := errors.AsType[*config.UnknownError](err)
	if !ok {
		return ""
	}
	var names, tables, meant []string
	for _, s := range config.Settings() {
		names = append(names, s.Name)
		if table, _, ok := strings.Cut(s.Name, "."); ok && !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	for _, s := range unknown.Settings {
		meant = append(meant, alike(s, slices.Concat(names, tables))...)
	}
	if len(meant) == 0 {
		return ""
	}
	return "did you mean: " + strings.Join(meant, ", ") + "? "
}
