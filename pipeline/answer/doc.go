// Package answer takes one answer of the API apart: the rows as an Arrow record, the
// rest as it came (Answer.Envelope), and what was noticed about both (Review).
//
// Flatten loses nothing. A result's value that no column takes goes to the column
// extra of its row. Each key beside the results stays in the envelope, which the
// manifest keeps. Review counts what has no place of its own, compares the control
// totals of the answer with its rows, and tells the credits.
//
// Nearly all answers are read by the quick path (flattenRegular): the results by
// schema.Builder.AppendArray, the little around them by a JSON library. What is not
// regular is read by the library alone, token by token. Both give the same Answer.
package answer
