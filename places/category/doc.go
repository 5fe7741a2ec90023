// Package category says in Google's place types what a place is that others have
// described in their own words: OpenStreetMap's tags, GeoNames' feature codes, the
// categories of Overture and Foursquare, a column of somebody's file.
//
// Types come as Google's legacy replies have them, the most specific first:
//
//	coffee_shop cafe food point_of_interest establishment
//	neighborhood political
//	natural_feature establishment
//
// What is not known is a point_of_interest and an establishment. All that there
// is to know stands in one table, a line for each type; see rows.
//
// Slices of types are shared by all who ask: nobody may change them. They are
// cut to their length, so that append copies.
package category
