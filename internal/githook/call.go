package githook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/trailer"
)

// ErrRefused is returned for a commit that the project's configuration does not
// want. Why was said on standard error.
var ErrRefused = errors.New("the commit is refused")

// maxMessage is the largest message that is read. A larger one is left alone.
const maxMessage = 16 << 20

// Call is one call of a hook by git.
type Call struct {
	Name   string   // of the hook
	Args   []string // what git gave it
	Dir    string   // working directory: the top of the work tree
	Stdin  io.Reader
	Stderr io.Writer
	Source Source
}

// Run does what is to be done in a hook. An error other than [ErrRefused] is
// for people to read and no reason to end what git is doing.
func (c *Call) Run(ctx context.Context) error {
	switch {
	case c.Name == prepareCommitMsg && len(c.Args) > 0:
		return c.prepare(ctx)
	case c.Name == commitMsg && len(c.Args) > 0:
		return c.check(ctx)
	case c.Name == postRewrite:
		return c.rewritten(ctx)
	default:
		return nil // a newer git may have newer hooks
	}
}

// prepare is the hook prepare-commit-msg: FILE [SOURCE [COMMIT]]. It is called
// for every commit, also with --no-verify and by a rebase.
func (c *Call) prepare(ctx context.Context) error {
	file, source := c.file(), ""
	if len(c.Args) > 1 {
		source = c.Args[1]
	}
	gitDir := filepath.Dir(file)
	takeTemplate(gitDir) // of a commit that was given up
	doing := readSequence(gitDir, c.Source.Process)
	absorbed := doing.absorbed
	if len(absorbed) > 0 || c.Source.Process.amends() {
		absorbed = append(absorbed, "HEAD")
	}
	o, agent := c.Source.Origin(ctx)
	agent = agent && !doing.rewriting
	if !agent && len(absorbed) == 0 && source != "squash" {
		return nil
	}
	text, err := readMessage(file)
	if err != nil {
		return err
	}
	rules := Rules(ctx, c.Dir)
	msg := text
	if len(absorbed) > 0 || source == "squash" {
		if msg, err = c.carry(ctx, rules, msg, absorbed); err != nil {
			return err
		}
	}
	switch {
	case agent && source == "template":
		if err := keepTemplate(gitDir, text); err != nil {
			return fmt.Errorf("couldn't keep the template: %w", err)
		}
	case agent:
		if msg, err = add(rules, msg, o); err != nil {
			return err
		}
	}
	return writeMessage(file, text, msg)
}

// check is the hook commit-msg: FILE. It sees what the editor left.
func (c *Call) check(ctx context.Context) error {
	file := c.file()
	gitDir := filepath.Dir(file)
	config, configErr := readConfig(c.Dir)
	o, agent := c.Source.Origin(ctx)
	if !agent && config.Subject == "" {
		return configErr
	}
	text, err := readMessage(file)
	if err != nil {
		return err
	}
	rules := Rules(ctx, c.Dir)
	if template, ok := takeTemplate(gitDir); ok && body(rules, text) == body(rules, template) {
		return nil // git gives it up, and must not find our lines in it
	}
	msg := text
	if agent && !readSequence(gitDir, c.Source.Process).rewriting {
		if msg, err = add(rules, msg, o); err != nil {
			return err
		}
	}
	if err := writeMessage(file, text, msg); err != nil {
		return err
	}
	return errors.Join(configErr, c.subject(config, rules, msg))
}

// subject checks the subject of a message.
func (c *Call) subject(config Config, rules trailer.Rules, msg string) error {
	line, _, _ := strings.Cut(body(rules, msg), "\n")
	if config.Subject == SubjectOff || line == "" {
		return nil
	}
	err := trailer.Conventional(line, config.Types...)
	if err == nil {
		return nil
	}
	fmt.Fprintf(c.Stderr, "whodid: the subject of this commit: %v\n", err)
	if config.Subject != SubjectRefuse {
		return nil
	}
	fmt.Fprintln(c.Stderr, "        refused by .whodid/config.toml; correct it and commit again, or leave the check out with --no-verify")
	return ErrRefused
}

// carry sees to it that a message leads to the executions of the commits that
// melt into this one, where git reads them.
func (c *Call) carry(ctx context.Context, rules trailer.Rules, msg string, commits []string) (string, error) {
	if len(rules.Blocks(msg)) > 0 {
		msg, _ = rules.Fix(msg)
	}
	if len(commits) == 0 {
		return msg, nil
	}
	out, err := git.In(c.Dir).Run(ctx, append([]string{"log", "--no-walk=unsorted", "-z", "--format=%B"}, commits...)...)
	if err != nil {
		return msg, fmt.Errorf("couldn't read the commits that melt into this one: %w", err)
	}
	for old := range strings.SplitSeq(out, "\x00") {
		for _, o := range lost(rules, []string{old}, msg) {
			if with, err := rules.Add(msg, o); err == nil {
				msg = with
			}
		}
	}
	return msg, nil
}

// add puts the five into a message, and sees to it that no line above hides them
// from git. A message without a subject is left alone: git gives up an empty
// commit, and must go on to.
func add(rules trailer.Rules, msg string, o trailer.Origin) (string, error) {
	with, err := rules.Add(msg, o)
	if errors.Is(err, trailer.ErrNoSubject) {
		return msg, nil
	}
	if err != nil {
		return msg, err
	}
	with, _ = rules.Fix(with)
	return with, nil
}

// body is a message without comments, blank lines at its edges, and what stands
// below scissors.
func body(rules trailer.Rules, msg string) string {
	comment := rules.Comment
	if comment == 0 {
		comment = '#'
	}
	var b strings.Builder
	for line := range strings.Lines(msg) {
		if strings.HasPrefix(line, string(rune(comment))+" ------------------------ >8") {
			break
		}
		if line[0] != comment {
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String())
}

// file is the path of the message.
func (c *Call) file() string {
	if filepath.IsAbs(c.Args[0]) {
		return c.Args[0]
	}
	return filepath.Join(c.Dir, filepath.FromSlash(c.Args[0]))
}

func readMessage(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("couldn't read the message: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(f, maxMessage+1))
	if err != nil {
		return "", fmt.Errorf("couldn't read the message: %w", err)
	}
	if len(b) > maxMessage {
		return "", fmt.Errorf("the message is larger than %d MiB; it was left alone", maxMessage>>20)
	}
	return string(b), nil
}

// writeMessage writes a message in the place of an old one. It writes into the
// file itself, for git and editors may hold it open.
func writeMessage(path, old, text string) error {
	if text == old {
		return nil
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("couldn't write the message: %w", err)
	}
	return nil
}
