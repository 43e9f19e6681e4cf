package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// initTimer puts the timer in that imports sessions every day, where it was asked
// for, by the flag or on a terminal. It returns what became of the timer, and
// what there is to say of it.
func (p *Program) initTimer(ctx context.Context, o *initOptions) (action, text string, err error) {
	switch {
	case o.project || p.hasTimer():
		return "", "", nil
	case !o.timer && !p.wantsTimer(o):
		return "", "", nil
	case o.dry:
		return "installed", "Would import sessions every day.\n", nil
	}
	text, err = p.putTimer(ctx)
	return "installed", text, err
}

// wantsTimer asks the person at the terminal. Nobody else is asked, nor taken to
// have said yes.
func (p *Program) wantsTimer(o *initOptions) bool {
	if o.dry || p.json || !isTerminal(p.Stdin) || !isTerminal(p.Stdout) {
		return false
	}
	fmt.Fprint(p.Stdout, "\nClaude Code removes its transcripts after 30 days. Import sessions every day, by a timer of the system? [y/N] ")
	line, err := bufio.NewReader(io.LimitReader(p.Stdin, 64)).ReadString('\n')
	if err != nil {
		fmt.Fprintln(p.Stdout)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// removeInitTimer takes the timer away with the hooks of all clients.
func (p *Program) removeInitTimer(ctx context.Context, o *initOptions) (action string, err error) {
	if o.project || len(o.only) > 0 || !p.hasTimer() {
		return "", nil
	}
	if o.dry {
		return "removed", nil
	}
	return "removed", p.dropTimer(ctx)
}
