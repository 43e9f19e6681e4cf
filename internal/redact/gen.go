package redact

//go:generate go run ./gen
