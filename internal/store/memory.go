package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isDecision is the condition of the partial indexes over decisions, word for
// word, and of the retention class that keeps them.
const isDecision = `class = 'permanent' AND what IN ('decision.record', 'decision.summarize')`

// DecisionFilter selects decisions. Zero fields select everything.
type DecisionFilter struct {
	// Words must all be in the decision, each as a word or as its beginning;
	// see [Words].
	Words []string
	// Subject is the target, whole.
	Subject string
	// Execution is the run that decided.
	Execution string
	Limit     int // the newest; 0 is no limit
}

// Words cuts what somebody searches for into words as the index has them: all
// that is neither letter nor digit separates them.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// Decisions returns the selected decisions and summaries, the last recorded
// first.
func (s *Store) Decisions(ctx context.Context, org string, f DecisionFilter) ([]Row, error) {
	ctx = within(ctx, org)
	where := "WHERE org = $1 AND " + isDecision
	args := []any{org}
	if f.Subject != "" && storable(f.Subject) {
		args = append(args, f.Subject)
		where += fmt.Sprintf(" AND target = $%d", len(args))
	}
	if f.Execution != "" && storable(f.Execution) {
		args = append(args, f.Execution)
		where += fmt.Sprintf(" AND execution <> '' AND execution = $%d", len(args))
	}
	if !storable(f.Subject) || !storable(f.Execution) {
		return nil, nil
	}
	if len(f.Words) > 0 {
		condition, query := s.dialect.hasWords(len(args)+1, f.Words, f.Limit)
		args = append(args, query)
		where += " AND " + condition
	}
	if len(f.Words) > 0 {
		// The sum keeps the engines from reading all decisions in their order in
		// search of those that have the words.
		where += " ORDER BY seq + 0 DESC"
	} else {
		where += " ORDER BY seq DESC"
	}
	if f.Limit > 0 {
		where += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return s.collect(ctx, where, args)
}

// AboutDecisions returns what was said of decisions later: that they are
// superseded, and what came of them, in the order of the log. ids are theirs.
func (s *Store) AboutDecisions(ctx context.Context, org string, ids []string) ([]Row, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("target", 2, ids)
	return s.collect(ctx, `WHERE org = $1 AND class = 'permanent' AND what IN ('decision.supersede', 'decision.outcome') AND `+condition+` ORDER BY seq + 0`, []any{org, arg})
}

// Supersedings returns every word that a decision is superseded, in the order of
// the log.
func (s *Store) Supersedings(ctx context.Context, org string) ([]Row, error) {
	ctx = within(ctx, org)
	return s.collect(ctx, `WHERE org = $1 AND class = 'permanent' AND what = 'decision.supersede' ORDER BY seq`, []any{org})
}

// EventsByID returns the events with these ids, in the order of the log; ids
// that the trail does not know are left out.
func (s *Store) EventsByID(ctx context.Context, org string, ids []string) ([]Row, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("id", 2, ids)
	return s.collect(ctx, `WHERE org = $1 AND seq IN (SELECT seq FROM event_id WHERE org = $1 AND `+condition+`) ORDER BY seq + 0`, []any{org, arg})
}

// hasWords looks the words up in the full-text index, which has decisions
// only.
func (sqlite) hasWords(n int, words []string, newest int) (condition string, arg any) {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"*`
	}
	limit := -1
	if newest > 0 {
		limit = newest
	}
	// The index gives them in the order in which they were recorded, so that it
	// reads no more of them than are wanted.
	const matching = `seq IN (SELECT seq FROM decision_text WHERE decision_text MATCH $%d AND org = $1 ORDER BY rowid DESC LIMIT %d)`
	return fmt.Sprintf(matching, n, limit), strings.Join(quoted, " AND ")
}

func (postgres) hasWords(n int, words []string, newest int) (condition string, arg any) {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "('" + strings.Join(spellings(w), "':* | '") + "':*)" // letters and digits only, see Words
	}
	limit := "NULL" // none
	if newest > 0 {
		limit = strconv.Itoa(newest)
	}
	// Where words are common the planner walks back from the newest, and where
	// they are rare it asks the index; see the function.
	return fmt.Sprintf(`seq IN (SELECT whodid_decisions_with($1, $%d::tsquery, %s))`, n, limit), strings.Join(quoted, " & ")
}

// spellings are the ways in which a word may stand in the index. Letters beyond
// ASCII keep their case there if the database has the locale C.
func spellings(word string) []string {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			first, size := utf8.DecodeRuneInString(word)
			return []string{word, string(unicode.ToUpper(first)) + word[size:], strings.ToUpper(word)}
		}
	}
	return []string{word}
}

// isDecisionIndex reports whether a table of SQLite is the full-text index of
// decisions or one of those that it keeps its parts in.
func isDecisionIndex(table string) bool {
	return table == "decision_text" || strings.HasPrefix(table, "decision_text_")
}
