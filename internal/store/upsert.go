package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The columns of an execution that are no text.
var (
	executionNumbers = []string{
		"started_at", "completed_at", "tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write", "cost_micros", "cost_known", "lease_until", "calls",
	}
	executionObjects = []string{"tags", "folded"}
)

// onConflict replaces all columns of an execution that is there.
func onConflict() string {
	var set []string
	for _, name := range executionColumnNames()[2:] { // org and id are the key
		set = append(set, name+" = excluded."+name)
	}
	return ` ON CONFLICT (org, id) DO UPDATE SET ` + strings.Join(set, ", ")
}

// upsertExecution writes one execution; its parameters are the columns.
var upsertExecution = sync.OnceValue(func() string {
	var values []string
	for i := range executionColumnNames() {
		values = append(values, fmt.Sprintf("$%d", i+1))
	}
	return `INSERT INTO execution (` + executionColumns + `) VALUES (` + strings.Join(values, ", ") + `)` + onConflict()
})

// upsertExecutionArrays writes many on PostgreSQL; its parameters are the
// columns as arrays, as executionArrays makes them.
var upsertExecutionArrays = sync.OnceValue(func() string {
	var values, arrays []string
	for i, name := range executionColumnNames() {
		value, array := name, "text"
		switch {
		case slices.Contains(executionNumbers, name):
			array = "bigint"
		case slices.Contains(executionObjects, name):
			value += "::json"
		}
		values = append(values, value)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, array))
	}
	return `INSERT INTO execution (` + executionColumns + `) SELECT ` + strings.Join(values, ", ") +
		` FROM unnest(` + strings.Join(arrays, ", ") + `) AS u(` + executionColumns + `)` + onConflict()
})
