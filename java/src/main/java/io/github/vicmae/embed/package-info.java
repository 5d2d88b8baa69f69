/** Embeddings of collections: computed once, kept through interruptions, written in the forms that others read. */
package io.github.vicmae.embed;
