package category

import (
	"slices"
	"strings"
)

// row is one of Google's types, and who calls it what.
type row struct {
	weight float64 // see Weight
	types  string  // the type, and the general ones that it is one of
	words  string  // OpenStreetMap's key=value, GeoNames' class.code, others' words
}

// rows is all that the package knows. A type's own name need not be among its
// words. Nothing may stand in two rows; the tests see to it.
var rows = []row{
	// Places where people live.
	{8, "locality political", "place=city place=town place=village place=hamlet place=isolated_dwelling place=farm place=municipality city town village hamlet"},
	{7, "neighborhood political", "place=suburb place=neighbourhood place=quarter place=borough place=city_block P.PPLX neighbourhood suburb quarter"},
	{1, "colloquial_area political", "place=locality L.LCTY A.RGN L.RGN"},
	{14, "country political", "place=country A.PCL A.PCLI A.PCLD A.PCLF A.PCLIX A.PCLS"},
	{11, "administrative_area_level_1 political", "place=state place=province place=region A.ADM1 state province"},
	{9, "administrative_area_level_2 political", "place=county place=district A.ADM2 county"},
	{7, "administrative_area_level_3 political", "A.ADM3"},

	// Nature.
	{6, "natural_feature", "natural=peak natural=volcano natural=bay natural=cape natural=cave_entrance natural=glacier natural=ridge natural=valley natural=wood natural=water natural=spring natural=hot_spring natural=arch natural=cliff natural=rock natural=stone natural=hill natural=saddle natural=geyser place=island place=islet place=archipelago place=sea place=ocean lake mountain island river waterfall forest nature_reserve volcano"},
	{6, "beach natural_feature", "natural=beach leisure=beach_resort T.BCH T.BCHS"},

	// Ways to travel.
	{13, "airport", "aeroway=aerodrome aeroway=airport S.AIRP international_airport aerodrome"},
	{4, "airstrip", "aeroway=airstrip S.AIRF airfield"},
	{4, "heliport", "aeroway=heliport aeroway=helipad S.AIRH helipad"},
	{9, "train_station transit_station", "railway=station railway=halt S.RSTN S.RSTP railway_station rail_station train"},
	{7, "subway_station transit_station", "station=subway railway=subway_entrance S.MTRO metro_station subway metro underground_station"},
	{5, "light_rail_station transit_station", "station=light_rail station=monorail railway=tram_stop S.STNM tram_station tram_stop light_rail"},
	{6, "bus_station transit_station", "amenity=bus_station S.BUSTN coach_station"},
	{2, "bus_stop transit_station", "highway=bus_stop S.BUSTP"},
	{7, "ferry_terminal transit_station", "amenity=ferry_terminal S.FYT L.FY ferry"},
	{5, "transit_station", "public_transport=station transport_hub public_transportation transit"},
	{2, "taxi_stand", "amenity=taxi taxi_rank taxi taxi_service"},
	{2, "parking", "amenity=parking amenity=parking_space amenity=parking_entrance S.PKLT parking_lot car_park parking_garage"},
	{3, "gas_station", "amenity=fuel S.GSTN petrol_station fuel_station filling_station fuel"},
	{2, "electric_vehicle_charging_station", "amenity=charging_station ev_charging_station charging_station"},
	{3, "rest_stop", "highway=rest_area highway=services rest_area"},
	{5, "marina", "leisure=marina L.MAR S.MAR harbor harbour"},
	{3, "car_rental", "amenity=car_rental car_rental_agency rental_car_agency"},
	{3, "car_repair", "shop=car_repair shop=tyres shop=motorcycle_repair automotive_repair auto_repair auto_repair_shop mechanic garage"},
	{3, "car_wash", "amenity=car_wash"},
	{3, "car_dealer store", "shop=car shop=motorcycle auto_dealer car_dealership motorcycle_dealer"},

	// Learning.
	{12, "university", "amenity=university amenity=college S.UNIV S.SCHC college college_university university_building colleges_and_universities"},
	{6, "school", "amenity=school S.SCH education elementary_or_high_school"},
	{6, "primary_school school", "elementary_school grade_school"},
	{6, "secondary_school school", "S.SCHH high_school middle_school gymnasium_school"},
	{4, "preschool school", "amenity=kindergarten kindergarten nursery_school day_care_preschool"},
	{3, "child_care_agency", "amenity=childcare childcare day_care"},
	{4, "educational_institution", "amenity=language_school amenity=driving_school amenity=music_school amenity=prep_school language_school driving_school music_school"},
	{7, "library", "amenity=library S.LIBR public_library"},
	{6, "research_institute", "amenity=research_institute office=research S.ITTR S.LABR laboratory"},

	// Health.
	{10, "hospital health", "amenity=hospital healthcare=hospital S.HSP S.HSPC medical_center emergency_room"},
	{5, "medical_clinic health", "amenity=clinic healthcare=clinic healthcare=centre S.HSPD S.CTRM clinic health_center urgent_care"},
	{4, "doctor health", "amenity=doctors healthcare=doctor physician doctors_office"},
	{4, "dentist health", "amenity=dentist healthcare=dentist dental_clinic"},
	{4, "pharmacy health store", "amenity=pharmacy healthcare=pharmacy S.PHAR chemist_pharmacy"},
	{3, "drugstore health store", "shop=chemist chemist"},
	{3, "medical_lab health", "healthcare=laboratory diagnostic_services"},
	{3, "physiotherapist health", "healthcare=physiotherapist physical_therapy physiotherapy"},
	{3, "veterinary_care", "amenity=veterinary veterinarian vet animal_hospital"},
	{3, "health", "healthcare= amenity=nursing_home S.RHSE nursing_home retirement_home assisted_living_facility blood_bank health_and_medical"},
	{3, "spa health", "leisure=spa amenity=spa shop=massage S.SPA day_spa massage massage_therapist"},
	{3, "sauna health", "leisure=sauna amenity=public_bath public_bath"},

	// Food and drink.
	{4, "restaurant food", "amenity=restaurant S.REST dining eat_and_drink diner eatery dining_and_drinking"},
	{3, "fast_food_restaurant restaurant food", "amenity=fast_food fast_food burger_joint food_truck"},
	{3, "meal_takeaway restaurant food", "takeaway takeout"},
	{3, "food_court restaurant food", "amenity=food_court"},
	{4, "cafe food", "amenity=cafe S.CAFE tea_room tea_house juice_bar internet_cafe cafeteria"},
	{4, "coffee_shop cafe food", "shop=coffee coffee espresso_bar coffee_house"},
	{4, "bar", "amenity=bar amenity=biergarten lounge cocktail_bar taproom beer_garden bars"},
	{4, "pub bar", "amenity=pub S.PUB irish_pub"},
	{4, "night_club", "amenity=nightclub amenity=stripclub nightclub dance_club disco"},
	{4, "bakery food store", "shop=bakery shop=pastry patisserie pastry_shop"},
	{3, "ice_cream_shop food store", "amenity=ice_cream shop=ice_cream ice_cream ice_cream_parlor gelateria"},
	{3, "confectionery food store", "shop=confectionery shop=chocolate candy_store chocolatier"},
	{3, "butcher_shop food store", "shop=butcher butcher"},
	{4, "brewery", "craft=brewery S.BREW"},
	{5, "winery", "craft=winery S.WINE vineyard"},

	// Shops.
	{5, "supermarket grocery_or_supermarket food store", "shop=supermarket shop=wholesale hypermarket"},
	{4, "grocery_store grocery_or_supermarket food store", "shop=grocery shop=greengrocer shop=deli shop=farm shop=organic shop=seafood grocery delicatessen farmers_market_stall"},
	{3, "convenience_store food store", "shop=convenience shop=kiosk kiosk corner_shop"},
	{3, "liquor_store store", "shop=alcohol shop=wine shop=beverages wine_shop beer_wine_and_spirits"},
	{6, "shopping_mall", "shop=mall S.MALL shopping_center shopping_centre mall"},
	{5, "department_store store", "shop=department_store S.STOR general_store"},
	{5, "market", "amenity=marketplace S.MKT marketplace farmers_market public_market flea_market"},
	{3, "clothing_store store", "shop=clothes shop=boutique shop=fashion shop=tailor clothing clothes fashion boutique"},
	{3, "shoe_store store", "shop=shoes shoes"},
	{4, "book_store store", "shop=books bookstore bookshop books_mags_music_and_video"},
	{3, "electronics_store store", "shop=electronics shop=computer shop=hifi electronics computer_store"},
	{3, "cell_phone_store store", "shop=mobile_phone mobile_phone_store"},
	{3, "furniture_store store", "shop=furniture shop=bed shop=kitchen furniture"},
	{3, "home_goods_store store", "shop=houseware shop=interior_decoration home_and_garden"},
	{3, "hardware_store store", "shop=hardware shop=doityourself shop=trade shop=paint home_improvement_store"},
	{3, "garden_center store", "shop=garden_centre nursery_and_gardening"},
	{3, "jewelry_store store", "shop=jewelry shop=watches jeweler jewellery"},
	{3, "pet_store store", "shop=pet"},
	{3, "bicycle_store store", "shop=bicycle bike_shop"},
	{3, "sporting_goods_store store", "shop=sports shop=outdoor sporting_goods"},
	{3, "toy_store store", "shop=toys"},
	{3, "gift_shop store", "shop=gift souvenir_shop"},
	{3, "florist store", "shop=florist flowers_and_gifts_shop flower_shop"},
	{3, "auto_parts_store store", "shop=car_parts"},
	{3, "store", "shop= shop retail shopping eyewear_and_optician optician"},

	// Services.
	{3, "hair_care", "shop=hairdresser hair_salon hairdresser barber barber_shop"},
	{3, "beauty_salon", "shop=beauty shop=cosmetics nail_salon beauty_and_spa"},
	{2, "laundry", "shop=laundry shop=dry_cleaning amenity=laundry laundromat dry_cleaning"},
	{4, "bank finance", "amenity=bank S.BANK bank_credit_union credit_union banks"},
	{2, "atm finance", "amenity=atm S.ATM cash_machine atms"},
	{2, "finance", "amenity=bureau_de_change amenity=money_transfer office=financial financial_service currency_exchange"},
	{2, "accounting finance", "office=accountant office=tax_advisor accountant"},
	{2, "insurance_agency", "office=insurance insurance"},
	{2, "lawyer", "office=lawyer office=notary law_firm attorney legal_services"},
	{2, "real_estate_agency", "office=estate_agent real_estate real_estate_agent"},
	{3, "travel_agency", "shop=travel_agency office=travel_agent travel_services"},
	{2, "corporate_office", "office=company corporate"},
	{2, "storage", "shop=storage_rental self_storage_facility storage_facility"},
	{2, "funeral_home", "shop=funeral_directors funeral_services_and_cemeteries"},
	{1, "public_bathroom", "amenity=toilets restroom toilets"},

	// The state.
	{7, "city_hall local_government_office", "amenity=townhall town_hall"},
	{4, "local_government_office", "office=government S.ADMF S.GOVL government_office government public_service_and_government"},
	{6, "courthouse", "amenity=courthouse S.CTHSE court"},
	{5, "embassy", "amenity=embassy office=diplomatic S.DIPL S.CSTM consulate"},
	{5, "police", "amenity=police S.PP police_station police_department"},
	{5, "fire_station", "amenity=fire_station S.FIRE fire_department"},
	{4, "post_office", "amenity=post_office S.PO"},
	{6, "prison", "amenity=prison S.PRN jail"},

	// Where people gather.
	{6, "place_of_worship", "amenity=place_of_worship amenity=monastery S.CTRR S.RLG S.MSTY S.CVNT S.SHRN monastery shrine temple religious_organization spiritual_center"},
	{6, "church place_of_worship", "religion=christian S.CH cathedral chapel church_cathedral christian_church"},
	{6, "mosque place_of_worship", "religion=muslim S.MSQE"},
	{6, "synagogue place_of_worship", "religion=jewish S.SYG"},
	{6, "hindu_temple place_of_worship", "religion=hindu S.TMPL"},
	{6, "buddhist_temple place_of_worship", "religion=buddhist S.PGDA pagoda"},
	{6, "shinto_shrine place_of_worship", "religion=shinto"},
	{4, "community_center", "amenity=community_centre amenity=social_centre S.CTRCM community_centre"},
	{6, "cultural_center", "amenity=arts_centre S.CTRB arts_centre arts_and_entertainment"},
	{6, "convention_center", "amenity=conference_centre amenity=exhibition_centre conference_center exhibition_center"},
	{4, "event_venue", "amenity=events_venue venue wedding_venue"},
	{5, "cemetery", "landuse=cemetery amenity=grave_yard S.CMTY L.CMTY graveyard"},

	// Culture and sights.
	{9, "museum", "tourism=museum S.MUS"},
	{7, "art_gallery", "tourism=gallery gallery"},
	{8, "tourist_attraction", "tourism=attraction S.TRANT attraction sight landmark landmark_and_historical_building landmarks_and_outdoors"},
	{7, "historical_landmark tourist_attraction", "historic= S.HSTS historic_site"},
	{9, "castle tourist_attraction", "historic=castle historic=fort historic=palace S.CSTL S.FT S.PAL fort palace"},
	{7, "monument tourist_attraction", "historic=monument S.MNMT"},
	{3, "historical_place", "historic=memorial historic=wayside_cross historic=wayside_shrine historic=boundary_stone memorial"},
	{8, "cultural_landmark tourist_attraction", "historic=archaeological_site historic=ruins S.ANS S.RUIN archaeological_site ruins"},
	{3, "sculpture", "tourism=artwork S.STMT public_art"},
	{3, "fountain", "amenity=fountain"},
	{6, "plaza", "place=square S.SQR square public_plaza town_square"},
	{6, "observation_deck tourist_attraction", "tourism=viewpoint T.VIEW S.OBPT viewpoint lookout"},
	{4, "tourist_information_center", "S.TOUR visitor_center tourist_information"},
	{8, "zoo tourist_attraction", "tourism=zoo S.ZOO"},
	{8, "aquarium tourist_attraction", "tourism=aquarium S.AQUA"},
	{8, "amusement_park tourist_attraction", "tourism=theme_park leisure=amusement_arcade S.AMUS L.AMUS theme_park"},
	{6, "water_park", "leisure=water_park"},
	{7, "planetarium", "amenity=planetarium S.OBS observatory"},
	{7, "performing_arts_theater", "amenity=theatre S.THTR theatre theater performing_arts"},
	{8, "opera_house performing_arts_theater", "S.OPRA"},
	{7, "concert_hall", "amenity=concert_hall amenity=music_venue music_venue"},
	{5, "movie_theater", "amenity=cinema S.CINE cinema"},
	{5, "casino", "amenity=casino amenity=gambling S.CSNO"},
	{4, "bowling_alley", "leisure=bowling_alley"},

	// Sports and green.
	{10, "stadium", "leisure=stadium S.STDM arena sports_arena stadium_arena"},
	{5, "sports_complex", "leisure=sports_centre leisure=sports_hall S.ATHF sports_centre sports_center recreation_center sports_and_recreation"},
	{3, "athletic_field", "leisure=pitch leisure=track"},
	{3, "sports_club", "leisure=sports_club"},
	{3, "swimming_pool", "leisure=swimming_pool leisure=swimming_area S.POOL"},
	{4, "gym health", "leisure=fitness_centre leisure=fitness_station fitness_center fitness_centre gyms health_club gym_and_studio"},
	{5, "golf_course", "leisure=golf_course R.GOLF S.GOLF L.GOLF"},
	{4, "ice_skating_rink", "leisure=ice_rink ice_rink skating_rink"},
	{6, "ski_resort", "landuse=winter_sports L.SKI"},
	{6, "park", "leisure=park leisure=common leisure=recreation_ground leisure=nature_reserve L.PRK public_park"},
	{10, "national_park park", "boundary=national_park L.RESN L.RESW"},
	{6, "garden park", "leisure=garden S.GDN L.GDN"},
	{8, "botanical_garden garden park", "S.GDNB"},
	{2, "playground", "leisure=playground"},
	{3, "dog_park park", "leisure=dog_park"},
	{2, "picnic_ground", "tourism=picnic_site"},

	// Where people sleep.
	{5, "lodging", "tourism=apartment tourism=chalet tourism=guest_house tourism=alpine_hut S.GHSE accommodation guest_house holiday_rental vacation_rental travel_and_transportation"},
	{5, "hotel lodging", "tourism=hotel S.HTL S.RSRT resort inn"},
	{4, "motel lodging", "tourism=motel"},
	{4, "hostel lodging", "tourism=hostel"},
	{4, "bed_and_breakfast lodging", ""},
	{4, "campground lodging", "tourism=camp_site S.CMP L.CMP campsite camp_site"},
	{4, "rv_park lodging", "tourism=caravan_site"},

	// What says no more than that there is something.
	{1, "point_of_interest", "amenity= tourism= leisure= office= craft= food_bank business_park"},
}

// kind is a row, ready for use.
type kind struct {
	types  []string
	weight float64
}

// table finds rows by their words.
type table struct {
	types map[string]*kind // by Google's own name
	words map[string]*kind // by what the others say; OSM's and GeoNames' have a = or .
}

// known never changes once made.
var known = newTable(rows)

func newTable(rows []row) table {
	t := table{make(map[string]*kind, len(rows)), make(map[string]*kind)}
	for _, r := range rows {
		types := strings.Fields(r.types)
		k := &kind{slices.Clip(withGeneral(types)), r.weight}
		t.types[types[0]] = k
		for _, word := range strings.Fields(r.words) {
			t.words[word] = k
		}
	}
	return t
}

// withGeneral adds what Google says of a place whatever it is.
func withGeneral(types []string) []string {
	switch {
	case slices.Contains(types, "political"):
		return types
	case types[0] == "point_of_interest" || slices.Contains(types, "natural_feature"):
		return append(types, "establishment")
	}
	return append(types, "point_of_interest", "establishment")
}

// find looks a word up, or one of Google's own types.
func (t *table) find(word string) *kind {
	if k := t.words[word]; k != nil {
		return k
	}
	return t.types[word]
}

// Unknown is what a place is of which nothing is known.
func Unknown() []string { return known.types["point_of_interest"].types }

// Weight says how much a place of these types stands out among others, where
// there is no number of inhabitants to tell: w weighs like a town of 2 to the
// power of w inhabitants. It is that of the first type that is known; an airport
// has 13, a university 12, a museum 9, a school 6, a restaurant 4, a bus stop 2,
// what is not known 0.
func Weight(types []string) float64 {
	for _, name := range types {
		if name == "point_of_interest" || name == "establishment" {
			continue // of everything
		}
		if k := known.types[name]; k != nil {
			return k.weight
		}
	}
	return 0
}
