// Package term writes answers for whoever reads them. A person at a terminal
// gets aligned columns, a header, colour and relative times, cut to the width
// of the terminal; a program behind a pipe gets the same cells whole, separated
// by tabs, with RFC 3339 times in UTC. What comes out of the trail was written
// by others, so that in both nothing of it can move the cursor, change a
// colour, turn the direction of text or make a line of its own.
package term

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/term"
)

// ForceVariable is the environment variable that makes any output a terminal
// of so many columns, for people who page or record what they see.
const ForceVariable = "WHODID_FORCE_TTY"

// defaultWidth is the width of a terminal that does not tell its own.
const defaultWidth = 80

// Output is where an answer is written to, and for whom.
type Output struct {
	w      io.Writer
	width  int // of the terminal; 0 is a pipe
	colour bool
	now    time.Time
}

// New makes the output of one answer. It is a terminal if w is one or
// [ForceVariable] says so. Colours follow NO_COLOR (https://no-color.org),
// CLICOLOR_FORCE (https://bixense.com/clicolors) and TERM=dumb. Relative times
// are relative to now.
func New(w io.Writer, env func(name string) string, now time.Time) *Output {
	o := &Output{w: w, width: width(w, env), now: now}
	o.colour = coloured(o.Terminal(), env)
	return o
}

// Terminal tells whether a person reads.
func (o *Output) Terminal() bool { return o.width > 0 }

// Width is how many columns the terminal has; 0 is a pipe.
func (o *Output) Width() int { return o.width }

// width is the width of the terminal that w is, or 0.
func width(w io.Writer, env func(string) string) int {
	if forced := env(ForceVariable); forced != "" {
		if n, err := strconv.Atoi(forced); err == nil && n > 0 {
			return n
		}
		return defaultWidth
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
		return n
	}
	return defaultWidth
}

func coloured(terminal bool, env func(string) string) bool {
	switch {
	case env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	case env("TERM") == "dumb":
		return false
	case runtime.GOOS == "windows" && env("WT_SESSION") == "" && env("TERM") == "":
		return false // the old console shows escape sequences as they are
	default:
		return terminal
	}
}

// Printf writes text of our own; put what others wrote through [Clean] first.
// A terminal or pipe that is gone has nobody to tell of an error.
func (o *Output) Printf(format string, args ...any) {
	fmt.Fprintf(o.w, format, args...)
}

// Time is a time as the reader likes it: relative at a terminal, RFC 3339 in
// UTC behind a pipe, "unknown" if there is none.
func (o *Output) Time(t *time.Time) string {
	switch {
	case t == nil:
		return Unknown
	case o.Terminal():
		return Ago(*t, o.now)
	default:
		return t.UTC().Format(time.RFC3339)
	}
}

// Moment is a time to the second, with how long ago it is for a person.
func (o *Output) Moment(t *time.Time) string {
	if t == nil || !o.Terminal() {
		return o.Time(t)
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC") + " (" + Ago(*t, o.now) + ")"
}

// Style is how a cell stands out where there are colours.
type Style string

// The styles, as parameters of the escape sequence "select graphic rendition"
// (ECMA-48, 8.3.117). The eight base colours are those that people set to fit
// their background.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint puts text into a style.
func (o *Output) Paint(s Style, text string) string {
	if !o.colour || s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
