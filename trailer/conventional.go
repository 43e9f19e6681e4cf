package trailer

import (
	"fmt"
	"slices"
	"strings"
)

// conventionalTypes are the types that most projects use, from the Angular
// convention on which https://www.conventionalcommits.org/en/v1.0.0/ is built.
var conventionalTypes = []string{
	"build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test",
}

// gitSubjects begin the subjects that git writes itself.
var gitSubjects = []string{"Merge ", "Revert \"", "Reapply \"", "fixup! ", "squash! ", "amend! "}

// Conventional checks the subject of a commit against Conventional Commits 1.0.0:
//
//	type(scope)!: description
//
// The type must be one of types, in any case of letters, or one of the usual
// eleven if none are given. Subjects that git writes itself pass. The error says
// what is wrong and what would be right.
func Conventional(subject string, types ...string) error {
	if len(types) == 0 {
		types = conventionalTypes
	}
	subject = strings.TrimRight(subject, "\r\n")
	switch {
	case hasAnyPrefix(subject, gitSubjects):
		return nil
	case strings.ContainsAny(subject, "\r\n"):
		return fmt.Errorf("subject has more than one line")
	case strings.TrimSpace(subject) == "":
		return fmt.Errorf("subject is empty; write %s: description", types[0])
	}
	head, description, ok := strings.Cut(subject, ":")
	if !ok {
		return fmt.Errorf("subject %q has no type; write one of %s and a colon before it", clip(subject), strings.Join(types, ", "))
	}
	head = strings.TrimSuffix(head, "!")
	name, scope, scoped := strings.Cut(head, "(")
	if scoped {
		inner, closed := strings.CutSuffix(scope, ")")
		if !closed || strings.TrimSpace(inner) == "" || strings.ContainsAny(inner, "()") {
			return fmt.Errorf("subject %q has a broken scope; write %s(scope): description", clip(subject), types[0])
		}
	}
	if !slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, name) }) {
		return fmt.Errorf("subject %q has the type %q, which is none of %s", clip(subject), clip(name), strings.Join(types, ", "))
	}
	if !strings.HasPrefix(description, " ") || strings.TrimSpace(description) == "" {
		return fmt.Errorf("subject %q needs a space and a description after the colon", clip(subject))
	}
	return nil
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:77], "") + "..."
	}
	return s
}
