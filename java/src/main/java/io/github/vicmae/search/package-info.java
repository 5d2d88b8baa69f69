/** Collections that can be searched by example: an index of embeddings, exact and approximate neighbours, duplicates. */
package io.github.vicmae.search;
