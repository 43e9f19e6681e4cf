package config

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Print writes the settings as a file that could be read again, but for secrets
// and passwords, and where each came from.
func (l *Loaded) Print(w io.Writer) error {
	var b strings.Builder
	l.print(&b, reflect.ValueOf(l.Config).Elem(), "", "")
	_, err := io.WriteString(w, strings.TrimLeft(b.String(), "\n"))
	return err
}

// print writes the plain settings of a table first, and then the tables in it, as
// TOML wants it.
func (l *Loaded) print(b *strings.Builder, v reflect.Value, table, from string) {
	type inner struct {
		name  string
		value reflect.Value
		list  bool
	}
	var tables []inner
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name := f.Tag.Get("toml")
		_, isSecret := reflect.TypeAssert[Secret](value)
		switch {
		case value.Kind() == reflect.Struct && !isSecret:
			tables = append(tables, inner{name: name, value: value})
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
			for n := range value.Len() {
				tables = append(tables, inner{name: name, value: value.Index(n), list: true})
			}
		default:
			origin := from
			if origin == "" {
				origin = l.origin[join(table, name)]
			}
			if origin == "" {
				origin = "default"
			}
			fmt.Fprintf(b, "%s = %s # %s\n", name, written(value), origin)
		}
	}
	for _, t := range tables {
		name := join(table, t.name)
		if t.list {
			fmt.Fprintf(b, "\n[[%s]]\n", name)
			l.print(b, t.value, name, l.origin[name])
			continue
		}
		fmt.Fprintf(b, "\n[%s]\n", name)
		l.print(b, t.value, name, from)
	}
}

func join(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}

// show is the value of a setting as a person would write it.
func show(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case Address:
		return value.masked()
	case Secret:
		return value.String()
	case Size:
		return value.String()
	case time.Duration:
		return value.String()
	}
	if list, ok := reflect.TypeAssert[[]string](v); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// written is the value of a setting as TOML has it.
func written(v reflect.Value) string {
	if list, ok := reflect.TypeAssert[[]string](v); ok {
		quoted := make([]string, len(list))
		for i, s := range list {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	switch v.Kind() {
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(v.Interface())
	case reflect.Float64:
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	default:
		return strconv.Quote(show(v))
	}
}
